// Running an agent by its form, and watching, holding, answering and stopping it on its page.

import { equal, holds } from "../suite.mjs";
import { within, runByForm, until } from "../browser.mjs";

export default async (suite, world) => {
  const { server } = world;

  await suite.check("a run started by the form is followed to its end without a reload", () =>
    within(world, { motion: true }, async (page) => {
      await runByForm(page, world, "briefing", (form) => form.getByLabel("Team").fill("payments"));
      await page.getByText("Started. This page follows the execution").waitFor();
      await page.evaluate(() => { window.sameDocument = true; });
      await page.locator("#provisional:not([hidden]) pre", { hasText: "One incident" }).waitFor();
      await until(page, "completed");
      await page.locator("#announce", { hasText: "The execution is now completed." }).waitFor({ state: "attached" });
      holds(await page.evaluate(() => window.sameDocument), "the page was loaded again");
      holds(await page.locator("#provisional").isHidden(), "provisional text stayed");
      await page.getByRole("heading", { name: "Output" }).waitFor();
      await page.locator("#exchange strong", { hasText: "One incident, over by 03:40." }).waitFor();
      equal(await page.locator(".step").count(), 9, "steps");
      equal(await page.locator(".step.kind-model").count(), 4, "model steps");
      await page.locator("#account").getByText("Model").waitFor();
    }));

  await suite.check("what was opened stays open, and the focus stays, while the page changes", () =>
    within(world, { motion: true }, async (page) => {
      await runByForm(page, world, "patient");
      await page.locator("#step-1 .badge", { hasText: "succeeded" }).waitFor();
      await page.locator("#step-1 summary").click();
      await page.locator("#step-1 summary").focus();
      await page.locator("#step-5 .badge", { hasText: "succeeded" }).waitFor();
      holds(await page.locator("#step-1-more").evaluate((d) => d.open), "the step closed");
      holds(await page.evaluate(() => document.activeElement.closest("#step-1") !== null), "the focus was lost");
      const { pathname } = new URL(page.url());
      await server.api("POST", `/v1${pathname}/cancel`, {});
      await until(page, "cancelled");
    }));

  await suite.check("pause, resume and cancel", () =>
    within(world, { motion: true }, async (page) => {
      await runByForm(page, world, "patient");
      await page.locator("#step-2").waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByText("Pause accepted.").waitFor();
      await until(page, "paused");
      await page.getByText("Somebody paused it.").waitFor();
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByText("Resume accepted.").waitFor();
      await page.locator("#step-5").waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      const question = page.getByRole("dialog", { name: "Cancel this execution?" });
      await question.getByRole("button", { name: "No" }).click();
      holds(await question.isHidden(), "No did not close the question");
      await page.getByRole("button", { name: "Cancel" }).click();
      await question.getByLabel("Why").fill("enough");
      await question.getByRole("button", { name: "Yes, cancel it" }).click();
      await until(page, "cancelled");
      await page.locator("#events-more > summary").click();
      await page.locator("#events").getByText("execution.cancelled").waitFor();
      equal(await page.getByRole("button", { name: "Pause" }).count(), 0, "buttons after the end");
    }));

  await suite.check("a signal answers a wait", () =>
    within(world, { motion: true }, async (page) => {
      await runByForm(page, world, "waiter");
      await until(page, "suspended");
      equal(await page.getByLabel("Signal").inputValue(), "decision", "the name of the signal");
      await page.getByLabel("What it carries").fill('"yes, go"');
      await page.getByRole("button", { name: "Send the signal" }).click();
      await until(page, "completed");
      await page.locator("#exchange", { hasText: "yes, go" }).waitFor();
    }));

  await suite.check("input that does not fit comes back with its error", () =>
    within(world, {}, async (page) => {
      page.expected.push("status of 422");
      await page.goto(`${server.url}/agents/briefing`);
      await page.getByLabel("Team").fill("payments");
      await page.locator("form", { has: page.getByLabel("Hours") }).evaluate((form) => { form.noValidate = true; });
      await page.getByLabel("Hours").fill("900");
      await page.getByRole("button", { name: "Run", exact: true }).first().click();
      await page.locator("#f-input-hours-error").waitFor();
      equal(await page.getByLabel("Hours").inputValue(), "900", "what was typed");
      equal(await page.getByLabel("Team").inputValue(), "payments", "what was typed");
    }));

  await suite.check("input can be written as JSON", () =>
    within(world, {}, async (page) => {
      page.expected.push("status of 422");
      await page.goto(`${server.url}/agents/briefing`);
      await page.getByText("Write the input as JSON instead").click();
      const json = page.getByLabel("Input", { exact: true });
      await json.fill("{");
      await page.getByRole("button", { name: "Run", exact: true }).last().click();
      await page.getByText("this is not JSON").waitFor();
      equal(await json.inputValue(), "{", "what was typed");
      await json.fill('{"team": "json"}');
      await page.getByRole("button", { name: "Run", exact: true }).last().click();
      await page.waitForURL("**/executions/exe_*");
      await until(page, "completed");
    }));

  await suite.check("lists stay fresh by themselves", () =>
    within(world, {}, async (page) => {
      await page.goto(`${server.url}/executions?agent=counter`);
      await page.getByText("No execution fits.").waitFor();
      const { execution_id: id } = await server.start_execution("counter");
      await page.locator(`a[href="/executions/${id}"]`).waitFor();
    }));
};
