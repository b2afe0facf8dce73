// What an operator does beyond runs: approve, hold, kill, fork, replay, look at schedules and long histories.

import { equal, holds } from "../suite.mjs";
import { within, runByForm, until } from "../browser.mjs";

export default async (suite, world) => {
  const { server, pictures } = world;

  await suite.check("a call is approved with other arguments, from the execution that waits for it", () =>
    within(world, { motion: true }, async (page) => {
      page.expected.push("status of 422");
      await runByForm(page, world, "cautious");
      await until(page, "suspended");
      await page.getByRole("link", { name: "Decide about #2 math.add" }).click();
      await page.getByRole("heading", { name: "math.add" }).waitFor();
      await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Approvals 1 waiting" }).waitFor();
      await page.getByText("Change the arguments").click();
      const field = page.getByLabel("Arguments", { exact: true });
      equal(JSON.parse(await field.inputValue()), { a: 1, b: 2 }, "the arguments that were asked for");
      await field.fill('{"a": 40');
      await page.getByRole("button", { name: "Approve" }).click();
      await page.getByText("this is not JSON").waitFor();
      equal(await field.inputValue(), '{"a": 40', "what was typed");
      await field.fill('{"a": 40, "b": 2}');
      await page.getByLabel("Note").fill("more of it");
      await page.getByRole("button", { name: "Approve" }).click();
      await page.getByText("Approved. The call begins exactly as it was approved, once.").waitFor();
      await page.getByRole("heading", { name: "With these arguments" }).waitFor();
      await page.screenshot({ path: `${pictures}/approved-1280-light.png`, fullPage: true });
      await page.getByRole("link", { name: "…" }).first().click();
      await page.waitForURL("**/executions/exe_*");
      await until(page, "completed");
      await page.locator("#exchange", { hasText: "42" }).waitFor();
      equal(await page.locator("#pending").innerText(), "", "the count beside the link");
    }));

  await suite.check("the list of approvals notices a new one, and rejects it", () =>
    within(world, {}, async (page) => {
      await page.goto(`${server.url}/approvals`);
      await page.locator("#pending-list").getByText("Nothing waits.").waitFor();
      const { execution_id: id } = await server.start_execution("cautious");
      await page.locator("#pending-list").getByRole("link", { name: "math.add" }).click();
      await page.getByLabel("Why not").fill("numbers are private");
      await page.getByRole("button", { name: "Reject" }).click();
      await page.getByText("Rejected. The call is never made").waitFor();
      await page.goto(`${server.url}/executions/${id}`);
      await until(page, "completed");
      await page.locator("#exchange", { hasText: "numbers are private" }).waitFor();
    }));

  await suite.check("a schedule shows its next and its last run, and is held", () =>
    within(world, {}, async (page) => {
      await page.goto(`${server.url}/triggers`);
      const row = page.getByRole("row", { name: "heartbeat" });
      await row.getByText("*/5 * * * *").waitFor();
      holds(/in \d/.test(await row.locator("td").nth(1).innerText()), "no next run");
      await row.getByRole("link", { name: "schedule" }).click();
      await page.getByRole("heading", { name: "Next runs" }).waitFor();
      equal(await page.locator("#next li").count(), 5, "the next runs");
      const before = await page.locator("#fires tbody tr").count();
      await page.getByRole("button", { name: "Fire now" }).click();
      await page.getByText("Fired. What came of it stands below.").waitFor();
      await page.locator("#fires tbody tr").nth(before).waitFor();
      await page.locator("#fires tbody tr").first().getByText("started").waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByText("Paused. Nothing fires this trigger").waitFor();
      equal(await page.getByRole("heading", { name: "Next runs" }).count(), 0, "runs of a trigger that is held");
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByText("Resumed. Runs whose time passed").waitFor();
      await page.goto(`${server.url}/triggers`);
      holds(/ago|now/.test(await row.locator("td").nth(2).innerText()), "no last run");
    }));

  await suite.check("a kill switch stops an agent until it is lifted", () =>
    within(world, {}, async (page) => {
      const { execution_id: id } = await server.api("POST", "/v1/executions", { agent: "waiter", input: {} }, { prefer: "wait=30" });
      await page.goto(`${server.url}/agents/waiter`);
      await page.getByRole("button", { name: "Kill switch" }).click();
      const question = page.getByRole("dialog", { name: "Stop everything that waiter does?" });
      await question.getByLabel("Why").fill("it asks too much");
      await question.getByRole("button", { name: "Yes, stop everything" }).click();
      await page.getByText("is stopped: its executions were killed").waitFor();
      await page.getByText("it asks too much").waitFor();
      equal((await server.api("GET", `/v1/executions/${id}`)).state, "cancelled", "its execution");
      page.expected.push("status of 422");
      await page.getByRole("button", { name: "Run", exact: true }).first().click();
      await page.getByText("was stopped by its kill switch").first().waitFor();
      await page.goto(`${server.url}/`);
      await page.locator("#holds").getByRole("link", { name: "waiter" }).click();
      await page.getByRole("button", { name: "Allow new executions" }).click();
      await page.getByText("Resumed. The agent's executions go on").waitFor();
      await runByForm(page, world, "waiter");
      await until(page, "suspended");
      await server.api("POST", `${new URL(page.url()).pathname.replace("/executions", "/v1/executions")}/kill`, {});
    }));

  await suite.check("the whole project is paused and goes on", () =>
    within(world, {}, async (page) => {
      await page.goto(`${server.url}/`);
      await page.getByRole("button", { name: "Pause project" }).click();
      await page.getByRole("button", { name: "Yes, pause it" }).click();
      await page.getByText("The whole project is paused").waitFor();
      const { execution_id: id } = await server.start_execution("hello", { name: "Ada" });
      await page.goto(`${server.url}/executions/${id}`);
      await page.getByText("Its agent, or the whole project, is held.").waitFor();
      equal(await page.getByRole("button", { name: "Resume" }).count(), 0, "a resume against the hold");
      await page.goto(`${server.url}/`);
      await page.getByRole("button", { name: "Resume project" }).click();
      await page.getByText("Resumed. The project's executions go on").waitFor();
      await page.goto(`${server.url}/executions/${id}`);
      await until(page, "completed");
    }));

  await suite.check("a tree is killed and tells what was stopped", () =>
    within(world, { motion: true }, async (page) => {
      await runByForm(page, world, "family");
      await until(page, "suspended");
      const below = page.locator("#tree tbody tr");
      await below.nth(2).waitFor();
      equal(await below.count(), 3, "children");
      await page.getByRole("button", { name: "Kill", exact: true }).click();
      const question = page.getByRole("dialog", { name: "Kill this execution and everything below it?" });
      await question.getByLabel("Why").fill("enough");
      await question.getByRole("button", { name: "Yes, kill it" }).click();
      await page.getByText("Kill accepted. The receipt below").waitFor();
      await until(page, "cancelled");
      await page.getByRole("heading", { name: "Receipt of the stop" }).waitFor();
      equal(await page.locator("#receipt tbody tr").count(), 4, "executions in the receipt");
      equal(await page.locator("#receipt tbody .badge", { hasText: "cancelled" }).count(), 4, "stopped");
      equal(await page.locator("#tree .badge", { hasText: "cancelled" }).count(), 3, "stopped children");
      // a child leads back to its parent
      await below.first().getByRole("link").first().click();
      await page.getByText("Parent").first().waitFor();
    }));

  await suite.check("an effect of unknown outcome is decided", () =>
    within(world, {}, async (page) => {
      await runByForm(page, world, "payer");
      await until(page, "paused");
      await page.getByText("A call was sent, and nobody knows whether it happened.").waitFor();
      await page.getByText("Decide about #2 bank.pay").click();
      await page.getByLabel("What it answered").fill('{"paid": 12}');
      await page.getByLabel("Why").last().fill("seen in the portal");
      await page.getByRole("button", { name: "It happened" }).click();
      await page.getByText("Decided. It is recorded with your name.").waitFor();
      await until(page, "completed");
      await page.locator("#exchange", { hasText: "paid" }).waitFor();
      await page.locator("#effects", { hasText: "seen in the portal" }).waitFor();
    }));

  await suite.check("an execution is forked from a step, and replayed", () =>
    within(world, { motion: true }, async (page) => {
      await runByForm(page, world, "briefing", (form) => form.getByLabel("Team").fill("payments"));
      await until(page, "completed");
      const original = page.url().split("?")[0];
      await page.getByRole("button", { name: "Replay" }).click();
      await page.getByText("Identical: all 12 entries come out of v1 as they are recorded.").waitFor();
      await page.goto(original);
      await page.locator("#step-9 summary").click();
      await page.locator("#step-9").getByRole("button", { name: "Fork from here" }).click();
      await page.screenshot({ path: `${pictures}/fork-1280-light.png` });
      await page.getByRole("dialog", { name: "Start a copy that goes on from step 9?" }).getByRole("button", { name: "Yes, fork it" }).click();
      await page.getByText("Started as a copy.").waitFor();
      holds(page.url().split("?")[0] !== original, "it is the same execution");
      await until(page, "completed");
      equal(await page.locator(".step").count(), 9, "steps");
      await page.getByText("Forked from").waitFor();
      await page.getByRole("button", { name: "Replay" }).click();
      await page.getByText("Identical: all").waitFor();
    }));

  await suite.check("a long history is shown in pages of steps", () =>
    within(world, { motion: true }, async (page) => {
      // 24 turns of nine calls each, and the answer
      const calls = Array.from({ length: 9 }, (_, n) => ({ tool: "math.add", arguments: { a: n, b: 1 } }));
      const script = [...Array.from({ length: 24 }, () => ({ calls })), { text: "done" }];
      const limits = { tool_calls: 400 };
      const config = { name: "marathon", kind: "prompt", model: "scripted", tools: ["math.add"], limits, script };
      await server.api("POST", "/v1/agents", { config });
      await server.api("POST", "/v1/agents/marathon/deployments", {});
      await runByForm(page, world, "marathon");
      await until(page, "completed");
      await page.locator("#steps-count", { hasText: "241 steps" }).waitFor();
      equal(await page.locator(".step").count(), 200, "steps of the latest page");
      await page.getByText("Steps 42 to 241 of 241").waitFor();
      await page.getByRole("link", { name: "← Earlier" }).click();
      await page.waitForURL("**?steps=*");
      await page.getByText("Steps 1 to 41 of 241").waitFor();
      equal(await page.locator(".step").count(), 41, "steps of the page before");
      await page.locator("#step-1").waitFor();
      await page.getByRole("link", { name: "Latest →" }).click();
      await page.locator("#step-241").waitFor();
      holds(!page.url().includes("steps="), "the address of the latest");
    }));
};
