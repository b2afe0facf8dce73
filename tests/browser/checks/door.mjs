// Signing in and out.

import { holds, equal } from "../suite.mjs";
import { open, close, within, signIn } from "../browser.mjs";

export default async (suite, world) => {
  const { server } = world;

  await suite.check("opening the one-time URL does not use it, sending it does, once", async () => {
    const preview = await fetch(server.oneTimeUrl);
    equal(preview.status, 200, "the preview");
    equal(preview.headers.get("set-cookie"), null, "the preview's cookie");
    const page = await open(world, { signedIn: false });
    await page.goto(server.oneTimeUrl);
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    const [cookie] = await page.context().cookies();
    equal([cookie.httpOnly, cookie.sameSite], [true, "Strict"], "the session's cookie");
    await close(page);

    const again = await open(world, { signedIn: false });
    again.expected.push("status of 4");
    await again.goto(server.oneTimeUrl);
    await again.locator(".error").waitFor();
    await close(again);
  });

  await suite.check("a wrong key is refused beside its field", () =>
    within(world, { signedIn: false }, async (page) => {
      page.expected.push("status of 422", "status of 401");
      await page.goto(`${server.url}/sign-in`);
      await page.getByLabel("API key").fill("mf_wrong");
      await page.getByRole("button", { name: "Sign in" }).click();
      const field = page.getByLabel("API key");
      equal(await field.getAttribute("aria-invalid"), "true", "aria-invalid");
      holds((await field.getAttribute("aria-describedby")).includes("key-error"), "the error is not bound to the field");
      equal(await field.inputValue(), "", "the key must not come back");
    }));

  await suite.check("a page without a session leads to the door and then back", () =>
    within(world, { signedIn: false }, async (page) => {
      await page.goto(`${server.url}/agents/hello`);
      equal(new URL(page.url()).pathname, "/sign-in", "the door");
      await page.getByLabel("API key").fill(server.key);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.waitForURL("**/agents/hello");
    }));

  await suite.check("signing out ends the session", () =>
    within(world, {}, async (page) => {
      const cookies = await page.context().cookies();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByText("Signed out.").waitFor();
      // the old cookie is worth nothing any more
      await page.context().addCookies(cookies);
      await page.goto(`${server.url}/agents`);
      equal(new URL(page.url()).pathname, "/sign-in", "the old cookie's page");
    }));

  await suite.check("another site can neither read nor write", () =>
    within(world, {}, async (page) => {
      const { execution_id: id } = await server.start_execution("patient");
      const cookie = (await page.context().cookies()).map((c) => `${c.name}=${c.value}`).join("; ");
      const forge = (headers) =>
        fetch(`${server.url}/executions/${id}/cancel`, {
          method: "POST", redirect: "manual", body: "",
          headers: { cookie, "content-type": "application/x-www-form-urlencoded", ...headers },
        });
      for (const headers of [
        { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
        { origin: "null", "sec-fetch-site": "cross-site" },
        {},
      ]) equal((await forge(headers)).status, 403, `a forged form with ${JSON.stringify(headers)}`);
      holds(!(await server.api("GET", `/v1/executions/${id}`)).finished_at, "a forged form cancelled an execution");
      await server.api("POST", `/v1/executions/${id}/cancel`, {});
      const framed = await fetch(`${server.url}/sign-in`);
      holds(framed.headers.get("content-security-policy").includes("frame-ancestors 'none'"), "pages can be framed");
    }));

  await suite.check("the theme can be chosen and stays", () =>
    within(world, { theme: "light" }, async (page) => {
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await ground();
      const button = page.locator("[data-theme-toggle]");
      await button.click();
      await button.click();
      holds((await ground()) !== light, "dark looks like light");
      const dark = await ground();
      await page.reload();
      equal(await ground(), dark, "the theme after a reload");
    }));
};
