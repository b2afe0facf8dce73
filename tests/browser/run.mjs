// The dashboard in a real browser, before the real program.
//
//   MOLTFORGE_BIN           the program (required)
//   CHROMIUM                the browser; /usr/bin/chromium when absent
//   MOLTFORGE_SCREENSHOTS   a folder for the pictures; none are kept when absent
//   NAME                    only the checks of checks/NAME.mjs
//   --readme                writes docs/images/dashboard.png, the picture in the README, and runs nothing else
//
// The last line is `N passed, N failed`; the exit code is 0 when nothing failed.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Suite } from "./suite.mjs";
import { Server } from "./server.mjs";
import { startBackend } from "./backend.mjs";
import { launch } from "./browser.mjs";
import { readmePicture } from "./readme.mjs";
import door from "./checks/door.mjs";
import pages from "./checks/pages.mjs";
import runs from "./checks/runs.mjs";
import versions from "./checks/versions.mjs";
import keys from "./checks/keys.mjs";
import keyboard from "./checks/keyboard.mjs";
import plain from "./checks/plain.mjs";
import hostile from "./checks/hostile.mjs";
import operator from "./checks/operator.mjs";
import crash from "./checks/crash.mjs";

const program = process.env.MOLTFORGE_BIN;
if (!program) {
  console.error("MOLTFORGE_BIN must name the program");
  process.exit(2);
}

const only = process.argv.slice(2).find((argument) => !argument.startsWith("--"));
const scratch = await mkdtemp(join(tmpdir(), "moltforge-browser-"));
const pictures = process.env.MOLTFORGE_SCREENSHOTS ?? join(scratch, "pictures");
await mkdir(pictures, { recursive: true });
const backend = await startBackend();
const server = new Server(program, scratch, backend.port);
const browser = await launch();
const suite = new Suite();
try {
  await server.start();
  const world = { server, browser, backend, pictures };
  if (process.argv.includes("--readme")) {
    const place = fileURLToPath(new URL("../../docs/images/dashboard.png", import.meta.url));
    await suite.check("the README's picture", () => readmePicture(world, place));
  } else {
    // in this order: the last ones stop the server or sign everybody out
    const parts = { door, pages, runs, operator, versions, keys, keyboard, plain, hostile, crash };
    for (const [name, part] of Object.entries(parts)) if (!only || only === name) await part(suite, world);
  }
} catch (error) {
  suite.fail("the tests themselves", error);
} finally {
  await browser.close();
  await server.stop();
  backend.stop();
  await rm(scratch, { recursive: true, force: true });
}
console.log(suite.summary());
process.exitCode = suite.failed === 0 ? 0 : 1;
