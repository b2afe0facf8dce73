import { llm, CapabilityError } from "moltforge";

function same(a, b) {
  if (JSON.stringify(a) !== JSON.stringify(b)) throw new Error(`${JSON.stringify(a)} is not ${JSON.stringify(b)}`);
}

export async function run() {
  const stream = llm.stream("hi", { temperature: 0 });
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  same(pieces, [
    { text: "hé", reply: "hé", restarted: false },
    { text: "by", reply: "by", restarted: true },
    { text: "e", reply: "bye", restarted: false },
  ]);
  const user = [{ role: "user", content: "hi" }];
  same(await stream.result, { name: "llm.complete", args: { temperature: 0, messages: user } });

  // who stops reading may still have the whole
  const second = llm.stream({ prompt: "hi" });
  for await (const { text } of second) {
    same(text, "hé");
    break;
  }
  same((await second.result).args, { messages: user });

  let error;
  try {
    for await (const _ of llm.stream("hi", { model: "none" })) throw new Error("there is no piece");
  } catch (caught) {
    error = caught;
  }
  same([error instanceof CapabilityError, error.code, error.capability], [true, "model_unknown", "llm.complete"]);

  const stopped = AbortSignal.abort(new Error("enough"));
  let reason;
  try {
    for await (const _ of llm.stream("hi", { signal: stopped })) throw new Error("there is no piece");
  } catch (caught) {
    reason = caught;
  }
  same(reason.message, "enough");
  let thrown;
  try {
    llm.stream();
  } catch (caught) {
    thrown = caught;
  }
  same(thrown instanceof TypeError, true);
}
