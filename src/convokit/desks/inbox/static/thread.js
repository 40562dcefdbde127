// The conversation in the middle: who said what, in the log's order, and what happened in between.
import { button, copy, h, icon, link, linked, newId, safe, announce } from "./dom.js";
import { clock, day, many, span, t } from "./words.js";

const NEAR = 48;

export class Thread {
  #nodes = new Map();
  #missed = 0;
  #talk = null;
  #following = true;
  #height = 0;
  #seenTimer = 0;

  constructor(inbox, actions) {
    this.inbox = inbox;
    this.actions = actions;
    this.name = h("h1", { class: "title" }, h("bdi", { dir: "auto" }));
    this.verified = h("span", { class: "pill" });
    // A name proves nothing: the server marks one that reads like a colleague's, the bot's or "support".
    this.lookalike = h("span", { class: "pill", data: { look: "warn" }, hidden: true, title: t("lookalike.why"), text: t("lookalike") });
    this.tools = h("div", { class: "tools" });
    this.back = button({ sign: "back", label: t("thread.back"), kind: "icon-button back", press: () => actions.list() });
    this.head = h("header", { class: "thread-head" }, this.back, h("div", { class: "titles" }, this.name, this.verified, this.lookalike), this.tools);
    this.log = h("ol", { class: "log", "aria-label": t("thread.messages"), tabindex: "0" });
    this.older = h("p", { class: "older", hidden: true, text: t("thread.older") });
    this.newer = button({ sign: "down", text: "", label: t("thread.newest"), kind: "newer", press: () => this.toNew() });
    this.newer.hidden = true;
    this.typing = h("p", { class: "typing", hidden: true });
    this.scroller = h("div", { class: "scroller" }, this.older, this.log, this.typing);
    this.blank = h("div", { class: "blank" });
    this.element = h("section", { class: "thread", id: "thread", "aria-label": t("thread.conversation") },
      this.head, h("div", { class: "middle" }, this.scroller, this.newer), this.blank);

    // Whoever reads the end goes on reading it when the composer grows or a phone's keyboard comes.
    new ResizeObserver(() => {
      this.#height = this.scroller.clientHeight;
      if (this.#following) this.toEnd();
    }).observe(this.scroller);
    this.scroller.addEventListener("scroll", () => {
      // A scroll that came with another height is the page's doing, not the reader's.
      if (this.scroller.clientHeight === this.#height) this.#following = this.atEnd();
      if (this.atEnd()) this.#missed = 0;
      this.#drawNewer();
      if (this.scroller.scrollTop < 200 && this.#talk?.more) this.inbox.older(this.#talk);
      this.#look();
    });
    this.log.addEventListener("keydown", (event) => this.#keys(event));
    addEventListener("focus", () => this.#look());
    inbox.on("opened", (talk) => talk === this.#talk && this.#draw());
    inbox.on("talk", (talk) => talk === this.#talk && this.#drawHead());
    inbox.on("entry", ({ talk, entry }) => talk === this.#talk && this.#append(entry));
    inbox.on("older", ({ talk, entries }) => talk === this.#talk && this.#prepend(entries));
    inbox.on("outbox", (row) => row.conv === this.#talk?.conv && this.#outbox(row));
    inbox.on("here", (talk) => talk === this.#talk && this.#drawTyping());
    inbox.on("marks", (talk) => talk === this.#talk && this.#drawMarks());
    inbox.on("line", () => this.#drawHead());
  }

  show(talk) {
    this.#talk = talk;
    this.#missed = 0;
    this.#draw();
  }

  atEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight <= NEAR;
  }

  toEnd() {
    this.#following = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  toNew() {
    const nodes = [...this.log.children];
    const first = nodes[Math.max(0, nodes.length - this.#missed)];
    this.#missed = 0;
    if (first && first.offsetTop + first.offsetHeight < this.scroller.scrollHeight - this.scroller.clientHeight) first.scrollIntoView({ block: "start" });
    else this.toEnd();
    this.#drawNewer();
  }

  // ── head ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  #drawHead() {
    const talk = this.#talk;
    this.element.classList.toggle("none", !talk);
    if (!talk) {
      this.blank.replaceChildren(h("p", { class: "empty", text: t("thread.none") }));
      return;
    }
    const row = this.inbox.row(talk.conv);
    const name = talk.user?.name || row?.name || t("visitor");
    this.name.firstChild.textContent = name;
    const verified = talk.user?.verified ?? row?.verified;
    this.verified.hidden = !verified;
    this.verified.textContent = t("verified");
    this.verified.dataset.look = "ok";
    this.lookalike.hidden = !row?.lookalike || verified;
    if (talk.failed) this.blank.replaceChildren(h("p", { class: "empty", text: t(`thread.${talk.failed}`) }));
    else this.blank.replaceChildren();
    const mine = this.inbox.isMine(talk);
    const off = this.inbox.line.live ? null : t("offline.why");
    const tools = [];
    const closing = this.inbox.closing.has(talk.conv);
    const tool = (key, word, press, kind = "") => tools.push({ key, word, press, kind });
    if (closing) tool("", t("undo"), () => this.inbox.undoClose(talk.conv));
    else if (mine) {
      tool("X", t("transfer"), () => this.actions.transfer(talk));
      tool("B", t("give"), () => this.actions.give(talk));
      tool("E", t("close"), () => this.actions.close(talk));
    } else if (talk.mode === "closed") {
      tool("", t("reopen"), () => this.actions.reopen(talk));
    } else if (talk.opened) {
      tool("T", talk.mode === "bot" ? t("takeover") : t("take"), () => this.actions.take(talk.conv), talk.mode === "waiting" ? "primary" : "");
      if (this.inbox.lead) tool("", t("assign"), () => this.actions.assign(talk));
    }
    const had = document.activeElement?.dataset?.tool;
    this.tools.replaceChildren(...tools.map(({ key, word, press, kind }) => button({
      text: word, key: key || undefined, kind: `act ${kind}`, press, data: { tool: word },
      "aria-disabled": off ? "true" : null, title: off ? off : key ? `${word} (${key})` : null,
    })), button({ sign: "details", label: t("details"), key: "P", kind: "icon-button open-details", press: () => this.actions.details() }));
    if (off) for (const one of this.tools.querySelectorAll("[aria-disabled]")) one.addEventListener("click", (event) => event.stopImmediatePropagation(), true);
    if (had) this.tools.querySelector(`[data-tool="${CSS.escape(had)}"]`)?.focus();
  }

  // ── log ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  #draw() {
    const talk = this.#talk;
    this.#nodes.clear();
    this.log.replaceChildren();
    this.#drawHead();
    this.#drawTyping();
    if (!talk) return;
    let before = null;
    for (const entry of talk.entries) {
      this.#place(entry, before, null);
      before = entry;
    }
    for (const row of this.inbox.waitingIn(talk.conv)) this.log.append(this.#waiting(row));
    this.older.hidden = !talk.more;
    this.#drawMarks();
    this.#missed = 0;
    const divider = this.log.querySelector(".divider");
    this.toEnd();
    if (divider && divider.offsetTop < this.scroller.scrollTop) {
      this.#following = false;
      divider.scrollIntoView({ block: "center" });
    }
    this.#drawNewer();
    this.#look();
  }

  #append(entry) {
    const talk = this.#talk;
    const follow = this.atEnd();
    const before = talk.entries.at(-2) ?? null;
    const own = entry.cid ? this.#nodes.get(entry.cid) : null;
    const mine = entry.by?.id === this.inbox.me?.id && entry.by?.role === "person";
    this.#place(entry, before, own ?? this.log.querySelector(":scope > .waiting"));
    if (follow || mine) this.toEnd();
    else this.#missed += 1;
    this.#drawNewer();
    this.#drawTyping();
    this.#drawMarks();
    if (!mine && entry.kind !== "event") {
      announce(`${this.#who(entry)}: ${entry.text ?? t("said.something")}`);
    } else if (!mine) announce(this.#event(entry));
    this.#look();
  }

  #prepend(entries) {
    const talk = this.#talk;
    const { scrollTop, scrollHeight } = this.scroller;
    const anchor = this.log.firstChild;
    let before = null;
    for (const entry of entries) {
      this.#place(entry, before, anchor);
      before = entry;
    }
    const next = talk.entries[entries.length];
    const node = next && this.#nodes.get(next.id);
    if (node) {
      // The first one there was drawn without knowing what came before it.
      for (const one of this.log.querySelectorAll(`[data-day-of="${CSS.escape(next.id)}"]`)) one.remove();
      this.#place(next, before, node, node);
    }
    this.older.hidden = !talk.more;
    this.scroller.scrollTop = scrollTop + this.scroller.scrollHeight - scrollHeight;
  }

  #place(entry, before, anchor, old = null) {
    const own = entry.cid ? this.#nodes.get(entry.cid) : null;
    const lines = [];
    if (!before || new Date(before.at).toDateString() !== new Date(entry.at).toDateString()) {
      lines.push(h("li", { class: "day", data: { dayOf: entry.id } }, h("span", { text: day(entry.at) })));
    }
    if (this.#talk.divider === entry.seq) lines.push(h("li", { class: "divider" }, h("span", { class: "ruled" }, h("span", { text: t("thread.unread") }))));
    const node = this.#entry(entry, before, own ?? old ?? h("li"));
    if (own) this.#nodes.delete(entry.cid);
    this.#nodes.set(entry.id, node);
    for (const line of lines) this.log.insertBefore(line, anchor);
    if (node !== anchor) this.log.insertBefore(node, anchor);
    if (entry.kind === "event" && entry.event === "waiting") this.log.insertBefore(this.#summary(entry), node.nextSibling);
  }

  #who(entry) {
    const by = entry.by ?? {};
    if (by.role === "bot") return t("assistant");
    if (by.role === "person") return by.id === this.inbox.me?.id ? t("you") : by.name || t("colleague");
    if (by.role === "visitor") return by.name || this.#talk.user?.name || t("visitor");
    return t("system");
  }

  #entry(entry, before, node) {
    node.className = "";
    node.removeAttribute("data-cid");
    if (entry.kind === "event") {
      node.className = "event";
      node.replaceChildren(h("span", { class: "ruled" }, h("span", {}, h("bdi", { text: this.#event(entry) }), " · ", h("time", { datetime: entry.at, text: clock(entry.at) }))));
      if (entry.note) node.append(h("p", { class: "event-note", dir: "auto" }, linked(entry.note)));
      return node;
    }
    const who = this.#who(entry);
    const role = entry.kind === "note" ? "note" : entry.by?.role ?? "system";
    const same = before && before.kind === entry.kind && before.kind !== "event" && before.by?.role === entry.by?.role
      && before.by?.id === entry.by?.id && Date.parse(entry.at) - Date.parse(before.at) < 300_000
      && new Date(before.at).toDateString() === new Date(entry.at).toDateString() && this.#talk.divider !== entry.seq;
    node.className = `said ${role}${same ? " same" : ""}`;
    node.replaceChildren(this.#article(entry, who, role, same));
    return node;
  }

  #article(entry, who, role, same) {
    const time = h("time", { datetime: entry.at, text: clock(entry.at) });
    const label = `${role === "note" ? `${t("note")} · ` : ""}${who}, ${clock(entry.at)}`;
    const box = h("article", { "aria-label": label, tabindex: "-1" });
    if (role === "note") {
      box.append(h("p", { class: "note-head" }, h("b", { text: t("note") }), " · ", h("bdi", { text: who }), " ", time));
    } else if (!same) {
      box.append(h("p", { class: "who" }, h("bdi", { dir: "auto", text: who }), " ", time));
    }
    const bubble = h("div", { class: "bubble", title: clock(entry.at) });
    if (entry.text) bubble.append(h("p", { class: "text", dir: "auto" }, linked(entry.text)));
    for (const file of entry.files ?? []) bubble.append(this.#file(file));
    for (const card of entry.cards ?? []) bubble.append(this.#card(card));
    if (entry.location) bubble.append(this.#location(entry.location));
    if (entry.buttons?.length) bubble.append(this.#buttons(entry.buttons));
    if (!bubble.childNodes.length) bubble.append(h("p", { class: "text faint", text: t("said.something") }));
    box.append(bubble);
    return box;
  }

  #file(file) {
    const address = this.#address(file.url);
    const name = file.name || file.alt || t("file");
    const size = file.size ? ` · ${bytes(file.size)}` : "";
    const picture = file.kind === "image" || file.type?.startsWith("image/");
    if (picture && address?.own && !file.type?.includes("svg")) {
      const shown = h("img", { src: address.href, alt: file.alt || file.name || t("picture"), loading: "lazy", width: file.w || null, height: file.h || null });
      shown.addEventListener("load", () => this.#stay(), { once: true });
      return h("a", { class: "picture", href: address.href, target: "_blank", rel: "noopener noreferrer" }, shown);
    }
    const words = h("span", {}, h("bdi", { dir: "auto", text: name }), size);
    return address
      ? h("a", { class: "file", href: address.href, target: "_blank", rel: "noopener noreferrer nofollow" }, icon("file"), words)
      : h("span", { class: "file" }, icon("file"), words);
  }

  #stay() {
    if (this.#missed === 0 && this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < 500) this.toEnd();
  }

  #address(url) {
    if (!url) return null;
    try {
      const found = new URL(url, this.inbox.base);
      if (found.origin === location.origin) return { href: found.href, own: true };
      return safe(found.href) ? { href: found.href, own: false } : null;
    } catch {
      return null;
    }
  }

  #card(card) {
    const image = this.#address(card.image?.url ?? card.image);
    return h("div", { class: "card-shown" },
      image?.own ? h("img", { src: image.href, alt: card.image?.alt ?? "", loading: "lazy" }) : null,
      card.title && h("p", { class: "card-title", dir: "auto", text: card.title }),
      card.subtitle && h("p", { class: "faint", dir: "auto", text: card.subtitle }),
      card.buttons?.length ? this.#buttons(card.buttons) : null);
  }

  #buttons(buttons) {
    return h("ul", { class: "offered", "aria-label": t("said.offered") }, buttons.map((one) => {
      const address = one.url && safe(one.url);
      return h("li", {}, address ? link(address, one.label) : h("span", { dir: "auto", text: one.label }));
    }));
  }

  #location({ lat, lon, title }) {
    const address = `https://www.openstreetmap.org/?mlat=${encodeURIComponent(lat)}&mlon=${encodeURIComponent(lon)}#map=16/${encodeURIComponent(lat)}/${encodeURIComponent(lon)}`;
    return h("a", { class: "file", href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, icon("place"),
      h("bdi", { dir: "auto", text: title || `${lat}, ${lon}` }));
  }

  #event(entry) {
    const who = this.#who(entry);
    const mine = entry.by?.role === "person" && entry.by?.id === this.inbox.me?.id;
    const reason = entry.reason || entry.text || "";
    const places = { name: who, to: entry.to ?? "", reason };
    const form = `event.${entry.event}${mine ? ".you" : ""}${entry.event === "transferred" && entry.to ? ".to" : ""}`;
    const said = t(form, places);
    return reason ? t("event.because", { said, reason }) : said;
  }

  /** What heads a handover: who it is, what they came for, what the assistant has tried. */
  #summary(entry) {
    const before = this.#talk.entries.filter((one) => one.seq < entry.seq);
    const theirs = before.filter((one) => one.by?.role === "visitor" && one.text);
    const bots = before.filter((one) => one.by?.role === "bot" && one.text);
    const row = h("li", { class: "summary" });
    if (entry.summary) {
      row.append(h("p", { dir: "auto" }, linked(entry.summary)));
      return row;
    }
    if (!theirs.length && !bots.length) {
      row.hidden = true;
      return row;
    }
    const pairs = [];
    if (theirs.length) pairs.push([t("summary.asked"), theirs[0].text]);
    if (theirs.length > 1) pairs.push([t("summary.last"), theirs.at(-1).text]);
    if (bots.length) pairs.push([many("summary.bot", bots.length), bots.at(-1).text]);
    row.append(h("dl", { "aria-label": t("summary.title") }, pairs.map(([term, said]) => h("div", {}, h("dt", { text: term }), h("dd", { dir: "auto", text: said })))));
    return row;
  }

  // ── what is on its way ────────────────────────────────────────────────────────────────────────────────────────────

  #outbox(row) {
    const old = this.#nodes.get(row.cid);
    if (row.state === "gone") {
      if (old && old.classList.contains("waiting")) {
        old.remove();
        this.#nodes.delete(row.cid);
      }
      return;
    }
    const node = this.#waiting(row, old);
    if (!old) {
      this.log.append(node);
      this.toEnd();
    }
  }

  #waiting(row, node = h("li")) {
    this.#nodes.set(row.cid, node);
    node.className = `said ${row.kind === "note" ? "note" : "person"} waiting ${row.state}`;
    node.dataset.cid = row.cid;
    const bubble = h("div", { class: "bubble" });
    if (row.text) bubble.append(h("p", { class: "text", dir: "auto" }, linked(row.text)));
    for (const file of row.files) bubble.append(this.#file(file));
    const state = h("p", { class: "sending-state" });
    if (row.state === "failed" || row.state === "stale") {
      state.setAttribute("role", "alert");
      const code = row.state === "stale" ? "stale" : row.code;
      const name = row.problem?.owner?.name ?? t("colleague");
      const why = t(`unsent.${code}`, { name });
      state.append(h("span", { text: why === `unsent.${code}` ? t("unsent") : why }));
      if (row.code !== "lease_lost" && row.code !== "closed") {
        state.append(" ", button({ text: t("retry"), kind: "plain", press: () => this.inbox.retry(row) }));
      } else if (row.kind !== "note") {
        state.append(" ", button({ text: t("save.note"), kind: "plain", press: () => {
          this.inbox.discard(row);
          this.inbox.write(this.#talk, { kind: "note", text: row.text, files: row.files });
        } }));
      }
      state.append(" ", button({ text: t("copy"), kind: "plain", press: () => this.actions.copied(copy(row.text)) }),
        " ", button({ text: t("remove"), kind: "plain", press: () => this.inbox.discard(row) }));
    } else if (row.state === "queued") state.append(h("span", { text: t("unsent.queued") }));
    else if (row.state === "sending") state.append(h("span", { text: t("unsent.sending") }));
    const who = row.kind === "note" ? h("p", { class: "note-head" }, h("b", { text: t("note") }), " · ", t("you")) : h("p", { class: "who", text: t("you") });
    node.replaceChildren(h("article", { "aria-label": t("unsent.own"), tabindex: "-1" }, who, bubble, state));
    return node;
  }

  // ── marks, presence ───────────────────────────────────────────────────────────────────────────────────────────────

  #drawMarks() {
    for (const old of this.log.querySelectorAll(".mark")) old.remove();
    const talk = this.#talk;
    const last = talk?.entries.findLast((one) => one.by?.role === "person" && one.kind !== "note" && one.kind !== "event");
    if (!last || !talk.seen.user || talk.seen.user < last.seq) return;
    const later = talk.entries.some((one) => one.seq > last.seq && one.by?.role === "visitor");
    if (later) return;
    const follow = this.atEnd();
    this.#nodes.get(last.id)?.querySelector("article").append(h("p", { class: "mark", text: t("thread.seen") }));
    if (follow) this.toEnd();
  }

  #drawTyping() {
    const typing = this.#talk?.typing;
    const follow = this.atEnd();
    this.typing.hidden = !typing;
    if (!typing) return;
    const name = typing.by === "bot" ? t("assistant") : typing.name || this.#talk.user?.name || t("visitor");
    this.typing.replaceChildren(h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", { text: t("typing", { name }) }));
    if (follow) this.toEnd();
  }

  #drawNewer() {
    this.newer.hidden = this.atEnd();
    const words = this.#missed ? many("thread.new", this.#missed) : t("thread.newest");
    this.newer.setAttribute("aria-label", words);
    this.newer.querySelector("span").textContent = this.#missed ? words : "";
  }

  #look() {
    const talk = this.#talk;
    if (!talk?.opened || document.visibilityState !== "visible" || !document.hasFocus()) return;
    if (!this.atEnd() || this.element.offsetParent === null) return;
    const seq = talk.entries.at(-1)?.seq ?? 0;
    if (seq <= (talk.told ?? talk.seen.operator)) return;
    clearTimeout(this.#seenTimer);
    this.#seenTimer = setTimeout(() => {
      talk.told = seq;
      this.inbox.line.say({ t: "seen", cid: newId(), conv: talk.conv, seq });
    }, 1_000);
  }

  // ── keys in the log ───────────────────────────────────────────────────────────────────────────────────────────────

  #keys(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const all = [...this.log.querySelectorAll("article")];
    const at = all.indexOf(document.activeElement.closest("article"));
    const next = at < 0 ? all.length - 1 : Math.max(0, Math.min(all.length - 1, at + step));
    all[next]?.focus();
  }
}

export function bytes(n) {
  if (n < 1024) return `${n} B`;
  if (n < 1_048_576) return `${Math.round(n / 1024)} KB`;
  return `${(n / 1_048_576).toFixed(1)} MB`;
}

export const waited = (from, to) => (from && to ? span((Date.parse(to) - Date.parse(from)) / 1000) : null);
