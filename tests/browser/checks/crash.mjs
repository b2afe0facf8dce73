// The server dies in the middle of a run and comes back; the page goes on by itself.

import { equal, holds } from "../suite.mjs";
import { within, runByForm, until } from "../browser.mjs";

export default async (suite, world) => {
  const { server } = world;
  await suite.check("kill -9 in the middle of a run: the page finds the server again and sees the end", () =>
    within(world, { motion: true }, async (page) => {
      page.expected.push("net::ERR", "ERR_CONNECTION_REFUSED", "Failed to fetch", "status of 503", "INCOMPLETE_CHUNKED");
      await runByForm(page, world, "patient");
      await page.evaluate(() => { window.sameDocument = true; });
      await page.locator("#step-3 .badge", { hasText: "succeeded" }).waitFor();
      await server.kill();
      await server.start();
      await until(page, "completed");
      holds(await page.evaluate(() => window.sameDocument), "the page was loaded again");
      equal(await page.locator(".step").count(), 13, "steps");
    }));
};
