// Chromium, and pages that remember what went wrong in them.

import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

export const PATIENCE = 30_000;

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

// A window of its own: cookies, size, theme. `faults` collects console errors, uncaught exceptions and violations of the
// content security policy; `expected` names those that belong to the test, such as a 404 that was asked for.
export const open = async (world, options = {}) => {
  const { width = 1280, height = 900, theme = "light", script = true, signedIn = true, scale = 1 } = options;
  const context = await world.browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    javaScriptEnabled: script,
    deviceScaleFactor: scale,
    reducedMotion: options.motion ? "no-preference" : "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.faults = [];
  page.expected = [];
  page.on("console", (message) => { if (message.type() === "error") page.faults.push(`console: ${message.text()} (${page.url()})`); });
  page.on("pageerror", (error) => page.faults.push(`exception: ${error.message} (${page.url()})`));
  page.on("dialog", (dialog) => { page.faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(world.server.url).origin) page.faults.push(`left for ${request.url()}`);
  });
  if (signedIn) await signIn(page, world);
  return page;
};

export const signIn = async (page, world) => {
  await page.goto(`${world.server.url}/sign-in`);
  await page.getByLabel("API key").fill(world.server.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
};

// Closes a window and fails when something went wrong in it.
export const close = async (page) => {
  const faults = page.faults.filter((fault) => !page.expected.some((expected) => fault.includes(expected)));
  await page.context().close();
  if (faults.length > 0) throw new Error(`in the browser:\n${faults.join("\n")}`);
};

// A window for one check.
export const within = async (world, options, body) => {
  const page = await open(world, options);
  try {
    await body(page);
  } catch (error) {
    await page.screenshot({ path: `${world.pictures}/failed.png`, fullPage: true }).catch(() => {});
    const faults = page.faults.length > 0 ? `\n${page.faults.join("\n")}` : "";
    await page.context().close();
    throw new Error(`${error.stack ?? error}${faults}`);
  }
  await close(page);
};

// Presses Run on an agent's page with its form as it is, and waits for the execution's page.
export const runByForm = async (page, world, agent, fill = async () => {}) => {
  await page.goto(`${world.server.url}/agents/${agent}`);
  await fill(page);
  await page.getByRole("button", { name: "Run", exact: true }).first().click();
  await page.waitForURL("**/executions/exe_*");
};

// Waits until the page itself, without a reload, says that the execution is in a state.
export const until = (page, state) => page.locator("#head .badge", { hasText: state }).first().waitFor();
