// fails: 4:3: TypeScript enum is not supported in strip-only mode
export default function run(): void {
  const a = 1;
  enum E { A }
}
