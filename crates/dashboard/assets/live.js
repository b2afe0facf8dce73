// What saves reloading the page. Everything here has a way without it.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// Characters that change the direction of text, hide it or control a terminal: the server drops them from every page,
// and this drops them from what streams in. The list is that of src/text.rs.
const HOSTILE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

const announce = (text) => { $("#announce").textContent = text; };

// --- swapping what changed ---------------------------------------------------------------------------------------

const lastSeen = new Map();

// Somebody is busy in there: typing, or answering a question.
const busy = (region) =>
  $(":popover-open", region) !== null ||
  (region.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));

const swapRegion = (old, fresh) => {
  if (lastSeen.get(old.id) === fresh.outerHTML || busy(old)) return;
  lastSeen.set(old.id, fresh.outerHTML);
  const open = new Set($$("details[id][open]", old).map((d) => d.id));
  const focus = old.contains(document.activeElement) ? document.activeElement : null;
  const place = focus && (focus.id || (focus.tagName === "SUMMARY" && `${focus.parentElement.id} > summary`));
  const scrolled = $$("pre, .prose", old).map((block) => block.scrollTop);
  const copy = document.importNode(fresh, true);
  for (const d of $$("details[id]", copy)) if (open.has(d.id)) d.open = true;
  old.replaceWith(copy);
  $$("pre, .prose", copy).forEach((block, n) => { block.scrollTop = scrolled[n] ?? 0; });
  if (place) $(`#${CSS.escape(place.split(" ")[0])}${place.includes(" ") ? " > summary" : ""}`)?.focus({ preventScroll: true });
};

const swap = (html) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const old of $$("[data-live]")) {
    const fresh = page.getElementById(old.id);
    if (fresh) swapRegion(old, fresh);
  }
};

const load = async (address) => {
  const response = await fetch(address, { headers: { accept: "text/html" }, redirect: "manual", cache: "no-store" });
  if (response.type === "opaqueredirect") location.reload(); // the session has ended: the server shows the way
  if (!response.ok) throw new Error(`${response.status}`);
  swap(await response.text());
};

// --- an execution as it happens ----------------------------------------------------------------------------------

// Every kind of entry that a journal may hold; a test of the server's compares.
const EVENTS = [
  "execution.scheduled", "execution.running", "execution.suspended", "execution.resumed", "execution.paused",
  "execution.retry_scheduled", "execution.stopping", "execution.completed", "execution.failed", "execution.cancelled",
  "execution.forked", "model.completed", "tool.invoked", "tool.succeeded", "tool.failed", "timer.set", "signal.awaited",
  "signal.received", "child.requested", "child.started", "child.ended", "children.awaited", "approval.requested",
  "approval.decided", "approval.escalated", "approval.reopened", "effect.probed", "effect.decided", "event.emitted",
  "guest.asked", "guest.logged", "guest.ended",
];

const follow = (root) => {
  const fragment = root.dataset.fragment + location.search;
  const head = () => $("#head").dataset;
  let state = head().state;
  let source = null;
  let wait = 500;
  let loading = false;
  let again = false;
  let piece = { step: 0, attempt: 0 };

  // One request at a time; what happens meanwhile asks for one more.
  const refresh = async () => {
    if (loading) { again = true; return; }
    loading = true;
    try {
      await load(fragment);
      if (head().state !== state) {
        state = head().state;
        announce(`The execution is now ${state}.`);
      }
    } catch { again = true; }
    setTimeout(() => {
      loading = false;
      if (again) { again = false; refresh(); }
    }, 200);
    if (head().ended) stop();
  };

  const stop = () => {
    source?.close();
    source = null;
    clearInterval(beat);
    write(null);
  };

  // Provisional text: replaced by the committed step.
  const write = (chunk) => {
    const box = $("#provisional");
    const text = $("pre", box);
    if (chunk === null) {
      box.hidden = true;
      text.textContent = "";
      return;
    }
    if (chunk.step !== piece.step || chunk.attempt !== piece.attempt || chunk.offset === 0) {
      text.textContent = "";
      piece = chunk;
    }
    box.hidden = false;
    text.append(chunk.text.replace(HOSTILE, ""));
    text.scrollTop = text.scrollHeight;
  };

  const connect = () => {
    source = new EventSource(`${root.dataset.events}?after=${head().seq}`);
    source.onopen = () => { wait = 500; };
    source.onmessage = (message) => happened(message);
    for (const name of EVENTS) {
      source.addEventListener(name, happened);
      source.addEventListener(`io.moltforge.${name}`, happened);
    }
    source.addEventListener("step.chunk", (message) => write(JSON.parse(message.data)));
    source.addEventListener("reset", () => write(null));
    source.onerror = () => {
      if (source === null || source.readyState !== EventSource.CLOSED) return; // it connects again by itself
      source.close();
      wait = Math.min(wait * 2, 15_000);
      setTimeout(() => { if (!head().ended) connect(); }, wait);
    };
  };

  const happened = (message) => {
    if (message.type.endsWith("model.completed")) write(null);
    refresh();
  };

  // Bars grow with time, and a lost connection must not leave an old page standing.
  const beat = setInterval(() => { if (!document.hidden) refresh(); }, 3_000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !head().ended) refresh(); });
  if (head().ended) clearInterval(beat);
  else connect();
};

// --- lists that stay fresh -----------------------------------------------------------------------------------------

const poll = (region) => {
  setInterval(() => { if (!document.hidden) load(region.dataset.poll).catch(() => {}); }, 5_000);
};

// --- small things --------------------------------------------------------------------------------------------------

const themes = (button) => {
  const root = document.documentElement;
  const order = ["system", "light", "dark"];
  const label = $("span", button);
  const show = () => { label.textContent = `Theme: ${root.dataset.theme ?? "system"}`; };
  button.hidden = false;
  show();
  button.addEventListener("click", () => {
    const next = order[(order.indexOf(root.dataset.theme ?? "system") + 1) % order.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    try { localStorage.setItem("theme", next); } catch { /* a private window: it holds for this page */ }
    show();
    announce(label.textContent);
  });
};

const copies = (button) => {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText($("code", button.parentElement).textContent);
    button.textContent = "Copied";
    announce("Copied");
    setTimeout(() => { button.textContent = "Copy"; }, 2_000);
  });
};

// A one-time URL signs in at once, but not while the browser only prepares the page.
const submitOnce = (form) => {
  if (document.prerendering) document.addEventListener("prerenderingchange", () => form.requestSubmit(), { once: true });
  else form.requestSubmit();
};

// A link from another site arrives without the cookie, which is same-site only. From here it is sent.
const checkSession = async (place) => {
  const response = await fetch("/", { redirect: "manual", cache: "no-store" });
  if (response.ok) location.replace(place.dataset.sessionCheck);
};

// What just happened is told once: a reload or a bookmark tells it no more.
const forgetFlash = () => {
  const here = new URL(location.href);
  if (!here.searchParams.has("done")) return;
  here.searchParams.delete("done");
  history.replaceState(null, "", here);
};

forgetFlash();
for (const region of $$("[data-live]")) lastSeen.set(region.id, region.outerHTML);
$$("[data-theme-toggle]").forEach(themes);
$$("[data-copy]").forEach(copies);
$$("form[data-auto-submit]").forEach(submitOnce);
$$("[data-session-check]").forEach((place) => checkSession(place).catch(() => {}));
$$("[data-poll]").forEach(poll);
$$("[data-events]").forEach(follow);
