// A model's reply, read while it is written. Each piece is a call: a rebuilt agent reads the same ones.
import { call } from "./calls.js";

/** Calls a model; iterates over the pieces of its reply. */
export function stream(args, signal, here) {
  let id;
  const result = call("llm.complete", args, signal, here, (made) => {
    id = made;
  });
  // whoever reads the pieces meets its error at their end
  result.catch(() => {});
  return Object.assign(pieces(), { result });

  async function* pieces() {
    let [attempt, from, reply] = [0, 0, ""];
    for (let done = false; !done; ) {
      // without an id the call was never made
      const piece = id === undefined ? { done: true, text: "", attempt } : await call("llm.chunk", { call: id, attempt, from }, signal, here);
      const restarted = attempt !== 0 && piece.attempt !== attempt;
      if (piece.attempt !== attempt) reply = "";
      reply += piece.text;
      ({ attempt, to: from, done } = piece);
      if (piece.text !== "" || restarted) yield { text: piece.text, reply, restarted };
    }
    await result;
  }
}
