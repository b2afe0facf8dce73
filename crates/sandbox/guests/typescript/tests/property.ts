// fails: 3:23: TypeScript parameter property is not supported in strip-only mode
class C {
  constructor(private x: number) {}
}
