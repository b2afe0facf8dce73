// Everything works without JavaScript: forms post, and a reload shows the state.

import { equal, holds } from "../suite.mjs";
import { within, runByForm } from "../browser.mjs";

const reloadUntil = async (page, state) => {
  // a plain page learns by reloading; the server decides how long that takes
  const end = Date.now() + 30_000;
  while (Date.now() < end) {
    if ((await page.locator("#head .badge").first().innerText()).trim() === state) return;
    await page.reload();
  }
  throw new Error(`it never was ${state}`);
};

export default async (suite, world) => {
  const { server, pictures } = world;
  await suite.check("run, pause, resume and cancel without JavaScript", () =>
    within(world, { script: false }, async (page) => {
      await runByForm(page, world, "patient");
      await page.getByRole("button", { name: "Pause" }).click();
      await reloadUntil(page, "paused");
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByText("Resume accepted.").waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("button", { name: "Yes, cancel it" }).click();
      await reloadUntil(page, "cancelled");
      holds(await page.locator("[data-theme-toggle]").isHidden(), "a button that does nothing is shown");
      await page.screenshot({ path: `${pictures}/plain-1280-light.png`, fullPage: true });
    }));

  await suite.check("approve, kill and fork without JavaScript", () =>
    within(world, { script: false }, async (page) => {
      await runByForm(page, world, "cautious");
      await reloadUntil(page, "suspended");
      await page.getByRole("link", { name: "Decide about #2 math.add" }).click();
      await page.getByRole("button", { name: "Approve" }).click();
      await page.getByText("Approved. The call begins").waitFor();
      await page.getByRole("link", { name: "…" }).first().click();
      await reloadUntil(page, "completed");
      await page.locator("#step-3 summary").click();
      await page.locator("#step-3").getByRole("button", { name: "Fork from here" }).click();
      await page.getByRole("button", { name: "Yes, fork it" }).click();
      await page.getByText("Started as a copy.").waitFor();
      await reloadUntil(page, "completed");

      await runByForm(page, world, "waiter");
      await reloadUntil(page, "suspended");
      await page.getByRole("button", { name: "Kill", exact: true }).click();
      await page.getByRole("button", { name: "Yes, kill it" }).click();
      await reloadUntil(page, "cancelled");
      await page.getByRole("heading", { name: "Receipt of the stop" }).waitFor();
    }));

  await suite.check("the one-time URL works without JavaScript", () =>
    within(world, { script: false, signedIn: false }, async (page) => {
      await page.goto(await server.oneTime());
      await page.getByRole("button", { name: "Open the dashboard" }).click();
      await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
      equal(new URL(page.url()).pathname, "/", "where it leads");
    }));
};
