// The operators' inbox: starts the page, follows its address, and hears its keys.
import { announce, button, h, icon, toast } from "./dom.js";
import { Bell } from "./bell.js";
import { Composer } from "./composer.js";
import { Details } from "./details.js";
import * as dialogs from "./dialogs.js";
import { Lead } from "./lead.js";
import { List } from "./list.js";
import { Inbox } from "./state.js";
import { Thread } from "./thread.js";
import { load, many, span, t } from "./words.js";

const BASE = new URL("../", import.meta.url).href;
const DEFAULTS = {
  keys: true, enter: null, theme: "auto", bell: false, hide: false,
  rules: { queue: "sound", mine: "desktop", offer: "desktop", mention: "desktop", due: "sound" },
};

await load();
document.documentElement.lang = t.locale;
document.documentElement.dir = t.dir;
document.title = t("title");
const CHANNELS = { web: "Web", whatsapp: "WhatsApp", telegram: "Telegram", messenger: "Messenger", instagram: "Instagram", email: t("channel.email"), sms: "SMS", teams: "Teams" };
t.channel = (name) => CHANNELS[name] ?? name;

const inbox = new Inbox(BASE);
inbox.settings = structuredClone(DEFAULTS);
const narrow = matchMedia("(width < 880px)");
const middle = matchMedia("(width < 1200px)");
const app = document.getElementById("app");

// ── the parts ───────────────────────────────────────────────────────────────────────────────────────────────────────

const bell = new Bell(inbox, { open: (conv) => go(`#/c/${encodeURIComponent(conv)}`) });
const open = (conv) => go(`#/c/${encodeURIComponent(conv)}`);
const actions = {
  list: () => go(`#/${list.tab}`),
  thread: () => thread.log.focus(),
  details: () => (middle.matches ? drawer(!app.classList.contains("with-details")) : pane(app.classList.contains("without-details"))),
  copied: async (done) => toast((await done) ? t("copied") : t("copy.failed")),
  take: (conv) => take(conv),
  reopen: (talk) => attempt(inbox.reopen(talk)),
  answers: () => dialogs.answers(inbox),
  beside: (step) => beside(step, { writing: true }),
  transfer(talk) {
    if (!ready(talk)) return;
    dialogs.transfer(inbox, {
      title: t("transfer.title"), word: t("transfer"), noteNeeded: true, noteLabel: t("transfer.note"), except: inbox.me.id,
      done: async (to, note) => {
        await inbox.offer(talk, to, note);
        toast(to.operator ? t("offer.sent", { name: inbox.operators.find((one) => one.id === to.operator)?.name ?? "" }) : t("transferred"));
      },
    });
  },
  assign(target) {
    dialogs.transfer(inbox, {
      title: t("assign.title"), word: t("assign"), noteNeeded: false, noteLabel: t("assign.reason"), except: null,
      done: async (to, note) => {
        await inbox.assign(target.conv, to, note, target.epoch);
        lead.read();
      },
    });
  },
  give(talk) {
    if (!ready(talk)) return;
    dialogs.give(talk, { done: (note) => inbox.giveBack(talk, note) });
  },
  close(talk) {
    if (!ready(talk)) return;
    dialogs.close({ tags: inbox.row(talk.conv)?.tags, done: (outcome, tags) => closing(talk, outcome, tags) });
  },
  closeAtOnce: (talk) => closing(talk, "solved", inbox.row(talk.conv)?.tags ?? []),
};
const list = new List(inbox, { go: open });
const thread = new Thread(inbox, actions);
const composer = new Composer(inbox, actions);
const details = new Details(inbox, { shut: () => drawer(false) });
const lead = new Lead(inbox, {
  go, assign: actions.assign,
  operator: (one) => {
    go("#/all");
    search.value = one.name;
    showOf(one);
  },
});
thread.element.append(composer.element);

const status = h("select", { class: "status", "aria-label": t("status"), on: { change: () => setStatus(status.value) } },
  ["available", "busy", "away"].map((one) => h("option", { value: one, text: t(`status.${one}`) })));
const waiting = button({ text: "", kind: "pill top-pill", label: t("list.queue"), press: () => { go("#/queue"); } });
waiting.removeAttribute("aria-label");
const longest = h("span", { class: "pill top-pill" });
const search = h("input", { type: "search", class: "search", placeholder: t("search"), "aria-label": t("search"), dir: "auto", on: {
  input: () => list.search(search.value),
  keydown: (event) => {
    if (event.key === "Escape") { clearSearch(); list.focus(); }
    if (event.key === "Enter" || event.key === "ArrowDown") { event.preventDefault(); list.focus(list.shown()[0]?.conv); }
  },
} });
const leadLink = h("a", { class: "pill top-pill lead-link", href: "#/lead", text: t("lead.view") });
const bellButton = button({ sign: "mute", label: t("bell"), kind: "icon-button", press: openSettings });
const top = h("header", { class: "top" }, h("span", { class: "brand", text: t("title") }), status, h("span", { class: "grow" }),
  h("label", { class: "searching" }, icon("search"), search), waiting, longest, leadLink, bellButton,
  button({ sign: "settings", label: t("settings"), kind: "icon-button", press: openSettings }),
  button({ sign: "keys", label: t("keys.title"), key: "?", kind: "icon-button help-button", press: () => dialogs.help({ on: inbox.settings.keys }) }));
const line = h("p", { class: "line-bar", role: "status" });
const offers = h("div", { class: "offers" });
const main = h("main", { class: "desk" }, thread.element);
const body = h("div", { class: "panes" }, list.element, main, details.element);

app.replaceChildren(top, line, offers, body, lead.element);
document.body.append(h("div", { id: "toasts", class: "toasts", role: "status" }), h("div", { id: "announcer", class: "hidden", role: "log", "aria-relevant": "additions" }));
app.removeAttribute("aria-busy");
list.onclear = () => { clearSearch(); search.focus(); };

// ── doing ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function go(address) {
  if (location.hash === address) route();
  else location.hash = address;
}

async function attempt(promise) {
  try {
    return await promise;
  } catch (problem) {
    toast(dialogs.problemText(problem));
    return null;
  }
}

function ready(talk) {
  if (!inbox.line.live) toast(t("offline.why"));
  return inbox.line.live && talk && inbox.isMine(talk);
}

// Taking by its key puts the caret in the box. Whoever goes on to press R, N or T means the key, not the letter.
const REACTION = 700; // ms
let takenAt = -Infinity;

async function take(conv, { byKey = false } = {}) {
  if (!conv) return;
  if (!inbox.line.live) {
    toast(t("offline.why"));
    return;
  }
  try {
    await inbox.take(conv);
    announce(t("taken.you"));
    if (conv === inbox.current && !narrow.matches) {
      composer.focus();
      if (byKey) takenAt = performance.now();
    }
  } catch (problem) {
    if (problem.code === "taken") {
      const ago = problem.at ? Math.max(0, Math.round((inbox.now() - Date.parse(problem.at)) / 1000)) : 0;
      toast(t("taken.other", { name: problem.owner?.name ?? t("colleague"), ago: many("seconds", ago) }));
    } else toast(dialogs.problemText(problem));
  }
}

function closing(talk, outcome, tags) {
  const next = list.beside(talk.conv, 1) ?? list.beside(talk.conv, -1);
  inbox.close(talk, outcome, tags);
  toast(t("closing.told", { name: talk.user?.name || t("visitor") }), { action: t("undo"), press: () => { inbox.undoClose(talk.conv); open(talk.conv); }, seconds: 10, count: true });
  if (next && next !== talk.conv && inbox.lists[list.tab].byId.has(next)) open(next);
  else go(`#/${list.tab}`);
}

async function setStatus(wish) {
  const before = inbox.me.status;
  try {
    await inbox.setStatus(wish);
  } catch (problem) {
    status.value = before;
    toast(dialogs.problemText(problem));
  }
}

function beside(step, { writing = false } = {}) {
  const conv = list.beside(inbox.current, step);
  if (!conv) return;
  open(conv);
  if (writing) requestAnimationFrame(() => composer.focus());
}

function clearSearch() {
  search.value = "";
  list.search("");
}

function showOf(operator) {
  list.choose("all");
  list.search(operator.name);
}

function pane(shown) {
  app.classList.toggle("without-details", !shown);
  inbox.keep("details", shown);
}

function drawer(shown) {
  app.classList.toggle("with-details", shown);
  if (shown && middle.matches) details.element.focus();
  else if (!shown && details.element.contains(document.activeElement)) thread.log.focus();
}

function openSettings() {
  dialogs.settings(inbox, bell, {
    changed(some) {
      Object.assign(inbox.settings, some);
      inbox.keep("settings", inbox.settings);
      apply();
    },
    signOut: async () => {
      try {
        await inbox.ask("signout", { method: "POST" });
      } finally {
        location.assign(new URL("signin", BASE));
      }
    },
    answers: actions.answers,
  });
}

function apply() {
  document.documentElement.dataset.theme = inbox.settings.theme;
  drawBell();
  composer.draw();
}

// ── the address ─────────────────────────────────────────────────────────────────────────────────────────────────────

function route() {
  const [, first = "", second = ""] = location.hash.split("/");
  const atLead = first === "lead";
  app.dataset.at = atLead ? "lead" : first === "c" && second ? "talk" : "list";
  lead.element.hidden = !atLead;
  body.hidden = atLead;
  lead.show(atLead);
  leadLink.toggleAttribute("aria-current", atLead);
  if (atLead) leadLink.setAttribute("aria-current", "page");
  const conv = first === "c" && second ? decodeURIComponent(second) : null;
  if (["mine", "queue", "all"].includes(first)) list.choose(first);
  const wish = atLead ? inbox.current : conv ?? (narrow.matches ? null : ["mine", "queue", "all"].includes(first) ? inbox.current : null);
  if (wish !== inbox.current || wish === null) {
    const writing = composer.hasFocus;
    inbox.show(wish);
    const talk = wish ? inbox.talk(wish) : null;
    composer.show(talk);
    thread.show(talk);
    details.show(talk);
    if (narrow.matches || middle.matches) app.classList.remove("with-details");
    if (wish && writing && !narrow.matches) composer.focus();
    else if (wish && narrow.matches) thread.back.focus();
    else if (!wish && narrow.matches && document.activeElement === document.body) list.focus();
  }
  if (wish && list.roll.byId.has(wish)) list.focused = wish;
  if (inbox.me) inbox.keep("route", location.hash);
  list.draw();
}

addEventListener("hashchange", route);

// ── what is told ────────────────────────────────────────────────────────────────────────────────────────────────────

function queueNow() {
  const rows = inbox.lists.queue.rows;
  return { n: inbox.lists.queue.total, since: rows.reduce((first, row) => (row.waiting_since && (!first || row.waiting_since < first) ? row.waiting_since : first), null) };
}

function drawTop() {
  const { n, since } = queueNow();
  waiting.querySelector("span").textContent = many("waiting", n);
  waiting.dataset.look = n ? "warn" : "plain";
  waiting.hidden = !inbox.me;
  longest.hidden = !since;
  if (since) longest.textContent = t("longest", { time: span((inbox.now() - Date.parse(since)) / 1000) });
  bell.count(n + inbox.lists.mine.rows.reduce((sum, row) => sum + (row.unread > 0 ? 1 : 0), 0));
}

function drawMe() {
  status.hidden = !inbox.me;
  leadLink.hidden = !inbox.lead;
  if (inbox.me) {
    status.value = inbox.me.status;
    status.dataset.status = inbox.me.status;
    status.title = inbox.me.name;
  }
}

function drawBell() {
  const { settings } = inbox;
  bellButton.replaceChildren(icon(settings.bell && !bell.silent ? "bell" : "mute"));
  const name = !settings.bell ? t("bell.off.short") : bell.silent ? t("bell.silent") : t("bell.on.short");
  bellButton.setAttribute("aria-label", name);
  bellButton.title = name;
}

function drawLine() {
  const { state, reason } = inbox.line;
  line.replaceChildren();
  app.classList.toggle("offline", !inbox.line.live);
  if (state === "lost") line.textContent = inbox.outbox.length ? t("offline.sending") : t("offline");
  else if (state === "stopped") {
    line.append(t(`stopped.${reason}`), " ");
    if (reason === "signed_out") location.replace(new URL(`signin?error=expired${location.hash || "#expired"}`, BASE));
  } else if (inbox.updated) line.append(t("updated"), " ", button({ text: t("updated.reload"), kind: "plain", press: () => location.reload() }));
  line.hidden = !line.textContent;
}

function drawOffers() {
  const shown = new Map([...offers.children].map((one) => [one.dataset.offer, one]));
  for (const [id, node] of shown) if (!inbox.offers.has(id)) node.remove();
  for (const [id, offer] of inbox.offers) {
    if (shown.has(id)) continue;
    const name = offer.name || inbox.row(offer.conv)?.name || t("visitor");
    offers.append(h("div", { class: "offer", role: "alertdialog", "aria-label": t("offer.from", { name: offer.from?.name ?? "" }), data: { offer: id } },
      ring(), h("div", { class: "offer-words" }, h("p", {}, h("b", { dir: "auto", text: t("offer.told", { from: offer.from?.name ?? t("colleague"), name }) })), offer.note && h("p", { class: "faint", dir: "auto", text: offer.note })),
      button({ text: t("offer.accept"), key: "A", kind: "primary", press: () => accept(id) }), button({ text: t("offer.decline"), press: () => attempt(inbox.answerOffer(id, false)) })));
  }
  tickOffers();
}

function ring() {
  const box = h("span", { class: "ring", "aria-hidden": "true" });
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", "0 0 40 40");
  for (const name of ["ring-back", "ring-left"]) {
    const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [key, value] of Object.entries({ cx: 20, cy: 20, r: 17, class: name, pathLength: 60 })) circle.setAttribute(key, value);
    picture.append(circle);
  }
  box.append(picture, h("span", { class: "ring-words" }));
  return box;
}

function tickOffers() {
  for (const node of offers.children) {
    const offer = inbox.offers.get(node.dataset.offer);
    if (!offer) continue;
    const left = Math.max(0, Math.ceil((Date.parse(offer.until) - inbox.now()) / 1000));
    node.querySelector(".ring-words").textContent = String(left);
    node.querySelector(".ring-left").setAttribute("stroke-dasharray", `${Math.min(60, left)} 60`);
  }
}

async function accept(id) {
  const offer = inbox.offers.get(id);
  const done = offer && await attempt(inbox.answerOffer(id, true).then(() => true));
  if (done) open(offer.conv);
}

// Crossing a limit is said once, for what is mine or waits.
const crossed = new Set();
function tick() {
  const now = inbox.now();
  for (const name of ["mine", "queue"]) {
    for (const row of inbox.lists[name].rows) {
      if (!row.due_at) break; // they come first
      const left = Date.parse(row.due_at) - now;
      if (left > 60_000) break;
      const key = `${row.conv} ${row.due_at}`;
      if (left <= 0 && !crossed.has(key)) {
        crossed.add(key);
        if (left > -5_000) announce(t("due.now", { name: row.name || t("visitor") }));
      } else if (left > 0 && left <= 60_000 && !crossed.has(`soon ${key}`)) {
        crossed.add(`soon ${key}`);
        bell.ring("due", { conv: row.conv, title: t("due.soon", { name: row.name || t("visitor") }), body: row.preview });
      }
    }
  }
  list.tick();
  drawTop();
  tickOffers();
}
setInterval(tick, 1_000);

inbox.on("welcome", ({ first }) => {
  if (!first) return;
  Object.assign(inbox.settings, inbox.kept("settings", {}));
  inbox.settings.rules = { ...DEFAULTS.rules, ...inbox.settings.rules };
  apply();
  if (!location.hash || location.hash === "#") {
    const last = inbox.kept("route", `#/${inbox.kept("list", "mine")}`);
    history.replaceState(null, "", narrow.matches ? `#/${inbox.kept("list", "mine")}` : last);
  } else if (location.hash.startsWith("#/c/")) list.choose(inbox.kept("list", "mine"));
  pane(inbox.kept("details", true));
  composer.known();
  route();
  if (inbox.lead) lead.read();
});
inbox.on("me", drawMe);
inbox.on("lists", drawTop);
inbox.on("people", drawTop);
inbox.on("line", drawLine);
inbox.on("welcome", drawLine);
inbox.on("offers", ({ arrived }) => {
  drawOffers();
  if (!arrived) return;
  announce(t("offer.told", { from: arrived.from?.name ?? "", name: arrived.name || t("visitor") }));
  bell.ring("offer", { conv: arrived.conv, title: t("offer.from", { name: arrived.from?.name ?? "" }), body: arrived.note });
});
inbox.on("offered", ({ state, by }) => {
  const name = by?.name ?? t("colleague");
  const known = ["accepted", "declined", "expired"].includes(state);
  if (known) toast(t(`offered.${state}`, { name }));
});
inbox.on("problem", (problem) => toast(dialogs.problemText(problem)));
inbox.on("row", ({ list: name, row, old, isNew }) => {
  drawTop();
  if (!row || !name) return;
  const title = row.name || t("visitor");
  if (name === "queue" && isNew) bell.ring("queue", { conv: row.conv, title: t("bell.queue", { name: title }), body: row.preview });
  else if (name === "mine" && (row.unread ?? 0) > (old?.unread ?? 0)) bell.ring("mine", { conv: row.conv, title, body: row.preview });
  else if (row.dir === "note" && row.mentions?.includes(inbox.me?.id)) bell.ring("mention", { conv: row.conv, title: t("bell.mention", { name: title }), body: row.preview });
});
inbox.on("entry", ({ talk, entry }) => {
  if (entry.kind === "note" && entry.mentions?.includes(inbox.me?.id)) {
    bell.ring("mention", { conv: talk.conv, title: t("bell.mention", { name: entry.by?.name ?? "" }), body: entry.text });
  }
});
inbox.on("figures", () => {
  details.plot = lead.small();
  details.draw();
});

// ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────

let after = "";
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
  if (event.key === "F6") {
    event.preventDefault();
    panes(event.shiftKey ? -1 : 1);
    return;
  }
  const field = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "Escape" && !field && app.classList.contains("with-details") && middle.matches) drawer(false);
  if (event.altKey && !event.ctrlKey && !field && ["ArrowDown", "ArrowUp"].includes(event.key)) {
    event.preventDefault();
    beside(event.key === "ArrowDown" ? 1 : -1);
    return;
  }
  if (field === composer.box && "rnt".includes(event.key.toLowerCase()) && justTaken(event)) {
    event.preventDefault();
    takenAt = performance.now();
    if (event.key.toLowerCase() === "n") KEYS.n();
    return;
  }
  if (field || event.ctrlKey || event.metaKey || event.altKey || !inbox.settings.keys || document.querySelector("dialog[open]")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const pressed = after === "g" ? `g ${key}` : key;
  after = key === "g" && after !== "g" ? "g" : "";
  const doing = KEYS[pressed];
  if (!doing || (app.dataset.at === "lead" && !["?", "g m", "g q", "g a", "/"].includes(pressed))) return;
  event.preventDefault();
  doing();
});

function justTaken({ ctrlKey, metaKey, altKey }) {
  return inbox.settings.keys && !ctrlKey && !metaKey && !altKey && !composer.box.value && performance.now() - takenAt < REACTION;
}

const here = () => (inbox.current ? inbox.talk(inbox.current) : null);
const KEYS = {
  j: () => list.move(1), k: () => list.move(-1),
  t: () => take(inbox.current ?? list.focused, { byKey: true }),
  r: () => { if (here()) { composer.setMode("reply"); composer.focus(); } },
  n: () => { if (here()) { composer.setMode("note"); composer.focus(); } },
  x: () => actions.transfer(here()), b: () => actions.give(here()), e: () => actions.close(here()),
  u: () => unread(), a: () => { const [first] = inbox.offers.keys(); if (first) accept(first); },
  "g m": () => lists("mine"), "g q": () => lists("queue"), "g a": () => lists("all"),
  p: () => actions.details(), "/": () => search.focus(), "?": () => dialogs.help({ on: inbox.settings.keys }),
};

function lists(name) {
  list.choose(name);
  go(`#/${name}`);
  if (app.dataset.at === "lead") requestAnimationFrame(() => list.focus()); // it is not there before the address is followed
  else list.focus();
}

/** U: to the next conversation with something unread. */
function unread() {
  const rows = list.shown();
  const from = rows.findIndex((row) => row.conv === inbox.current);
  const next = [...rows.slice(from + 1), ...rows.slice(0, Math.max(0, from))].find((row) => row.unread > 0);
  if (next) open(next.conv);
  else toast(t("unread.none"));
}

function panes(step) {
  const all = app.dataset.at === "lead" ? [top, lead.element] : [top, list.element, thread.log, composer.element, details.element];
  const seen = all.filter((one) => one.offsetParent !== null || one.getClientRects().length);
  const at = seen.findIndex((one) => one.contains(document.activeElement));
  const next = seen[(at + step + seen.length) % seen.length];
  if (next === list.element) list.focus();
  else if (next === composer.element) composer.focus();
  else if (next === top) status.focus();
  else next.focus();
}

// ── a phone's keyboard takes its room from the page, not from the composer ──────────────────────────────────────────

const view = window.visualViewport;
function fit() {
  if (!view || !narrow.matches) {
    app.style.blockSize = "";
    app.style.transform = "";
    return;
  }
  const end = thread.atEnd();
  app.style.blockSize = `${view.height}px`;
  app.style.transform = view.offsetTop ? `translateY(${view.offsetTop}px)` : "";
  if (end) thread.toEnd();
}
view?.addEventListener("resize", fit);
view?.addEventListener("scroll", fit);
narrow.addEventListener("change", () => { fit(); route(); });
middle.addEventListener("change", () => app.classList.remove("with-details"));
document.addEventListener("pointerdown", () => drawBell(), { passive: true });

fit();
drawMe();
drawTop();
drawBell();
route();
inbox.line.start();
