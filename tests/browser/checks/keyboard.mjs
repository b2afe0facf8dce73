// The main flow with the keyboard alone.

import { equal, holds } from "../suite.mjs";
import { within, until } from "../browser.mjs";

// Presses Tab until the focus is on something with this name; every stop on the way must be visible.
const tabTo = async (page, name, most = 60) => {
  for (let presses = 0; presses < most; presses += 1) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const e = document.activeElement;
      const style = getComputedStyle(e);
      const box = e.getBoundingClientRect();
      const label = e.labels?.[0]?.innerText ?? "";
      return {
        name: (label || e.innerText || e.getAttribute("aria-label") || "").replace(/\s+/g, " ").trim(),
        marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        seen: box.width > 0 && box.height > 0,
        page: e !== document.body,
      };
    });
    if (!here.page) continue;
    holds(here.marked && here.seen, `the focus on "${here.name}" cannot be seen`);
    if (here.name.startsWith(name)) return;
  }
  throw new Error(`${most} presses of Tab do not reach "${name}"`);
};

export default async (suite, world) => {
  const { server } = world;
  await suite.check("sign in, run, watch and cancel with the keyboard alone", () =>
    within(world, { signedIn: false }, async (page) => {
      await page.goto(`${server.url}/sign-in`);
      // the field has the focus already
      await page.keyboard.type(server.key);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();

      await page.keyboard.press("Tab");
      equal(await page.evaluate(() => document.activeElement.className), "skip", "the first stop");
      await page.keyboard.press("Enter");
      equal(await page.evaluate(() => document.activeElement.id), "main", "where the skip link leads");

      await page.goto(`${server.url}/`);
      await tabTo(page, "Agents");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Agents", level: 1 }).waitFor();
      await tabTo(page, "patient");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "patient", level: 1 }).waitFor();
      await tabTo(page, "Run");
      await page.keyboard.press("Enter");
      await page.waitForURL("**/executions/exe_*");

      await page.locator("#step-2").waitFor();
      await tabTo(page, "Cancel");
      await page.keyboard.press("Enter");
      const question = page.getByRole("dialog", { name: "Cancel this execution?" });
      await question.waitFor();
      await page.keyboard.press("Escape");
      await question.waitFor({ state: "hidden" });
      equal(await page.evaluate(() => document.activeElement.innerText.trim()), "Cancel", "the focus after Escape");
      await page.keyboard.press("Enter");
      await question.waitFor();
      equal(await page.evaluate(() => document.activeElement.id), "cancel", "the focus within the question");
      await tabTo(page, "Yes, cancel it", 6);
      await page.keyboard.press("Enter");
      await until(page, "cancelled");
      await tabTo(page, "1 scripted");
      await page.keyboard.press("Enter");
      holds(await page.locator("#step-1-more").evaluate((d) => d.open), "Enter does not open a step");
    }));
};
