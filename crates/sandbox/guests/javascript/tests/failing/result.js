// fails: exception
// message: TypeError
export default function run() {
  const circle = {};
  circle.circle = circle;
  return circle;
}
