// fails: exception
// message: thrown: { code: 7 }
export default async function run() {
  for (const key of Reflect.ownKeys(globalThis)) {
    try {
      delete globalThis[key];
    } catch {}
  }
  throw { code: 7 };
}
