// Every page, wide and narrow, light and dark: nothing overflows, everything can be read.

import { equal, holds } from "../suite.mjs";
import { open, close } from "../browser.mjs";

const NARROW = 360;

// Runs in the page: text whose contrast with what lies behind it is below WCAG AA.
const faint = () => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) => [r * a + below[0] * (1 - a), g * a + below[1] * (1 - a), b * a + below[2] * (1 - a), 1];
  const behind = (element) => {
    if (!element) return rgba(getComputedStyle(document.body).backgroundColor);
    const colour = rgba(getComputedStyle(element).backgroundColor);
    return colour[3] === 1 ? colour : over(colour, behind(element.parentElement));
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const svg = element instanceof SVGElement;
    const [one, two] = [light(over(rgba(svg ? style.fill : style.color), ground)), light(ground)];
    const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5)) found.add(`${contrast.toFixed(2)} ${element.tagName}.${element.className}: ${walker.currentNode.data.trim().slice(0, 30)}`);
  }
  return [...found];
};

const overflowing = () => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1);
  return wide.slice(0, 5).map((e) => `${e.tagName}.${e.className}`);
};

export default async (suite, world) => {
  const { server, pictures } = world;
  const { execution_id: done } = await server.api("POST", "/v1/executions", { agent: "briefing", input: { team: "payments" } }, { prefer: "wait=30" });
  const { execution_id: waiting } = await server.api("POST", "/v1/executions", { agent: "waiter", input: {} }, { prefer: "wait=30" });
  const { execution_id: failed } = await server.api("POST", "/v1/executions", { agent: "weather", input: { city: "Oslo" } }, { prefer: "wait=30" });
  const { execution_id: asking } = await server.api("POST", "/v1/executions", { agent: "cautious", input: {} }, { prefer: "wait=30" });
  const { items: [approval] } = await server.api("GET", `/v1/approvals?execution=${asking}`);
  const { items: [trigger] } = await server.api("GET", "/v1/triggers?agent=heartbeat");
  await server.api("POST", `/v1/triggers/${trigger.trigger_id}/fire`, {});
  const { execution_id: family } = await server.api("POST", "/v1/executions", { agent: "family", input: {} }, { prefer: "wait=30" });
  const { execution_id: killed } = await server.api("POST", "/v1/executions", { agent: "family", input: {} }, { prefer: "wait=30" });
  await server.api("POST", `/v1/executions/${killed}/kill`, { note: "enough" });
  const { execution_id: unknown } = await server.api("POST", "/v1/executions", { agent: "payer", input: {} }, { prefer: "wait=30" });
  await server.api("PUT", "/v1/holds/agents/counter", { mode: "pause", note: "we look at it" });
  const list = {
    overview: "/", agents: "/agents", agent: "/agents/briefing", search: "/agents?name=zzz", version: "/agents/briefing/versions/1",
    executions: "/executions", live: "/executions?state=live", done: `/executions/${done}`, waiting: `/executions/${waiting}`,
    refused: `/executions/${failed}`, approvals: "/approvals", approval: `/approvals/${approval.approval_id}`, asking: `/executions/${asking}`,
    triggers: "/triggers", trigger: `/triggers/${trigger.trigger_id}`, tree: `/executions/${family}`, killed: `/executions/${killed}`,
    unknown: `/executions/${unknown}`, held: "/agents/counter", scheduled: "/agents/heartbeat", keys: "/keys", "not-found": "/agents/nobody", "no-page": "/nothing",
  };
  for (const theme of ["light", "dark"]) {
    for (const [width, height] of [[1280, 900], [NARROW, 740]]) {
      await suite.check(`every page can be read, ${theme}, ${width} wide`, async () => {
        const page = await open(world, { theme, width, height });
        page.expected.push("status of 404");
        for (const [name, path] of Object.entries(list)) {
          await page.goto(`${server.url}${path}`);
          await page.evaluate(() => document.fonts.ready);
          for (const summary of await page.locator(".step summary, #events-more > summary").all()) await summary.click();
          equal(await page.evaluate(overflowing), [], `${name} overflows`);
          equal(await page.evaluate(faint), [], `${name} is hard to read`);
          equal(await page.locator("h1").count(), 1, `headings of ${name}`);
          holds((await page.title()).endsWith("· MoltForge"), `the title of ${name}`);
          await page.screenshot({ path: `${pictures}/${name}-${width}-${theme}.png`, fullPage: true });
        }
        await close(page);
      });
    }
  }
  for (const id of [waiting, asking, family, unknown]) await server.api("POST", `/v1/executions/${id}/kill`, {});
  await server.api("DELETE", "/v1/holds/agents/counter");
};
