// Versions: compare, deploy, roll back, undeploy.

import { equal, holds } from "../suite.mjs";
import { within } from "../browser.mjs";

export default async (suite, world) => {
  const { server, pictures } = world;
  const live = async () => (await server.api("GET", "/v1/agents/hello")).deployments.map((d) => [d.environment, d.version]);
  const page_of = (page) => page.goto(`${server.url}/agents/hello`);

  await suite.check("a difference is told in fields and in text", () =>
    within(world, {}, async (page) => {
      await server.api("PATCH", "/v1/agents/hello", { instructions: "Greet twice.\nBe warm." }, {
        "content-type": "application/merge-patch+json", "if-match": '"1"',
      });
      await page_of(page);
      await page.getByRole("link", { name: "Compare" }).first().click();
      await page.getByRole("heading", { name: "What changed from v1 to v2" }).waitFor();
      await page.getByRole("rowheader", { name: "/instructions" }).waitFor();
      const lines = await page.locator(".diff span").allInnerTexts();
      holds(lines.some((line) => line.startsWith("+") && line.includes("Greet twice.")), "no line with a plus");
      holds(lines.some((line) => line.startsWith("-") && line.includes("Greet the person")), "no line with a minus");
      await page.screenshot({ path: `${pictures}/diff-1280-light.png`, fullPage: true });
    }));

  await suite.check("deploy, roll back, undeploy", () =>
    within(world, {}, async (page) => {
      await page_of(page);
      await page.getByRole("row", { name: "v2" }).getByRole("button", { name: "Deploy" }).click();
      await page.getByRole("dialog", { name: "Deploy v2 of hello?" }).getByRole("button", { name: "Yes, deploy v2" }).click();
      await page.getByText("Deployed. New executions run this version").waitFor();
      equal(await live(), [["production", 2]], "live");
      await page.getByRole("button", { name: "Roll back" }).click();
      await page.screenshot({ path: `${pictures}/question-1280-light.png` });
      await page.getByRole("button", { name: "Yes, go back to v1" }).click();
      await page.getByText("Rolled back.").waitFor();
      equal(await live(), [["production", 1]], "live");
      await page.getByRole("row", { name: "v2" }).getByRole("button", { name: "Deploy" }).click();
      const dialog = page.getByRole("dialog", { name: "Deploy v2 of hello?" });
      await dialog.getByLabel("Environment").fill("staging");
      await dialog.getByRole("button", { name: "Yes, deploy v2" }).click();
      await page.getByText("Deployed.").waitFor();
      equal((await live()).sort(), [["production", 1], ["staging", 2]], "live");
      await page.locator(".deployments li", { hasText: "staging" }).getByRole("button", { name: "Undeploy" }).click();
      await page.getByRole("dialog", { name: "from staging?" }).getByRole("button", { name: "Yes, undeploy" }).click();
      await page.getByText("Undeployed.").waitFor();
      equal(await live(), [["production", 1]], "live");
      equal(await page.locator(".history li").count(), 4, "the history");
      await page.reload();
      equal(await page.getByText("Undeployed.").count(), 0, "the message after a reload");
    }));
};
