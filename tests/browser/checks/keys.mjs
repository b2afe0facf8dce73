// Keys: made once, shown once, revoked for good.

import { equal, holds } from "../suite.mjs";
import { within } from "../browser.mjs";

export default async (suite, world) => {
  const { server, pictures } = world;
  await suite.check("a key is made, shown once, copied, used and revoked", () =>
    within(world, {}, async (page) => {
      await page.goto(`${server.url}/keys`);
      await page.getByLabel("Name").fill("billing worker");
      for (const scope of ["agents:read", "keys:read", "monitoring:read"]) await page.getByLabel(scope).uncheck();
      await page.getByRole("button", { name: "Make the key" }).click();
      const secret = await page.locator(".secret pre code").innerText();
      holds(/^mf_\S{20,}$/.test(secret), `the secret is ${secret.length} characters`);
      await page.locator(".secret [data-copy]").click();
      await page.getByText("Copied").first().waitFor();
      equal(await page.evaluate(() => navigator.clipboard.readText()), secret, "the clipboard");
      await page.screenshot({ path: `${pictures}/key-made-1280-light.png`, fullPage: true });

      const ask = (path) => fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${secret}` } }).then((r) => r.status);
      equal([await ask("/v1/executions"), await ask("/v1/agents")], [200, 403], "what the key may");
      await page.goto(`${server.url}/keys`);
      holds(!(await page.content()).includes(secret), "the secret is shown again");
      await page.getByRole("row", { name: "billing worker" }).getByRole("button", { name: "Revoke" }).click();
      await page.getByRole("dialog", { name: "Revoke the key billing worker?" }).getByRole("button", { name: "Yes, revoke it" }).click();
      await page.getByText("Revoked. The key and its sessions").waitFor();
      equal(await ask("/v1/executions"), 401, "the revoked key");
      await page.getByRole("row", { name: "billing worker" }).getByText("revoked").waitFor();
    }));

  await suite.check("a key that may little sees what it may", () =>
    within(world, { signedIn: false }, async (page) => {
      page.expected.push("status of 403");
      const { secret } = await server.api("POST", "/v1/keys", { name: "reader", scopes: ["agents:read"] });
      await page.goto(`${server.url}/sign-in`);
      await page.getByLabel("API key").fill(secret);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("Executions need the scope executions:read.").first().waitFor();
      await page.goto(`${server.url}/keys`);
      await page.getByRole("heading", { name: "Not allowed" }).waitFor();
    }));
};
