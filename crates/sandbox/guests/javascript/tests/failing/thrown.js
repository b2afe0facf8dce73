// fails: exception
// message: thrown: { code: 7 }
export default async function run() {
  throw { code: 7 };
}
