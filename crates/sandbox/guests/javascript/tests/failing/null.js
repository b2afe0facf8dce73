// fails: exception
// message: thrown: null
export default async function run() {
  throw null;
}
