// The picture in the README: a finished execution, as it looks on a laptop.

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { runByForm, until, within } from "./browser.mjs";

export const readmePicture = (world, place) =>
  within(world, { width: 1280, height: 960, scale: 1.5 }, async (page) => {
    await mkdir(dirname(place), { recursive: true });
    await runByForm(page, world, "briefing", (form) => form.getByLabel("Team").fill("payments"));
    await until(page, "completed");
    await page.reload(); // without the message that it was started
    await page.evaluate(() => document.fonts.ready);
    const timeline = await page.locator("section", { has: page.getByRole("heading", { name: "Timeline" }) }).boundingBox();
    const height = Math.ceil(timeline.y + timeline.height + 16);
    await page.setViewportSize({ width: 1280, height });
    await page.screenshot({ path: place });
  });
