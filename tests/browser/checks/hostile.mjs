// Text from a model that means harm is shown as text, while it streams and afterwards.

import { equal, holds } from "../suite.mjs";
import { within, runByForm, until } from "../browser.mjs";

export default async (suite, world) => {
  const { server, backend } = world;
  await suite.check("what a model says does nothing", () =>
    within(world, { motion: true }, async (page) => {
      await runByForm(page, world, "hostile");
      await until(page, "completed");
      for (const summary of await page.locator("summary").all()) await summary.click();
      await page.goto(`${server.url}/agents/hostile`);
      for (const path of ["/agents/hostile", "/agents", "/executions", "/"]) {
        await page.goto(`${server.url}${path}`);
        equal(await page.evaluate(() => window.harmed), undefined, `on ${path}`);
      }
      await page.goBack();
      const { items: [execution] } = await server.api("GET", "/v1/executions?agent=hostile");
      await page.goto(`${server.url}/executions/${execution.execution_id}`);
      const links = await page.locator("#exchange .prose a").evaluateAll((all) => all.map((a) => [a.getAttribute("href"), a.rel]));
      equal(links, [["https://evil.example/page", "noreferrer nofollow noopener"]], "links");
      equal(await page.locator("main img").count(), 0, "images");
      const text = await page.locator("#exchange").innerText();
      holds(text.includes("(https://evil.example/page)"), "a link hides where it leads");
      holds(!/[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069]/.test(text), "control characters came through");
      equal(backend.asked.filter((path) => path.includes("picture")), [], "requests for a remote picture");
      equal(await page.evaluate(() => window.harmed), undefined, "the execution's page");
    }));
};
