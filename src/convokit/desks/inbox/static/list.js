// The list at the side: tabs, rows in order, and rows that hold still under the pointer and the keyboard.
import { button, h } from "./dom.js";
import { clock, many, number, span, t, when } from "./words.js";

const HOLD = 5_000;
const VIRTUAL = 200;
const BEYOND = 8;

/** What a row's pill says, and how it looks; null: nothing. */
export function pill(row, now, me) {
  const others = (row.here ?? []).filter((one) => one.id !== me?.id);
  if (row.due_at) {
    const left = (Date.parse(row.due_at) - now) / 1000;
    if (left <= 0) return { text: t("due.over", { time: span(-left) }), look: "danger" };
    const from = Date.parse(row.due_since ?? row.waiting_since ?? row.at);
    const whole = (Date.parse(row.due_at) - from) / 1000;
    return { text: t("due.left", { time: span(left) }), look: whole > 0 && left / whole <= 0.25 ? "warn" : "plain" };
  }
  if (row.mode === "waiting" && row.waiting_since) {
    return { text: t("due.waiting", { time: span((now - Date.parse(row.waiting_since)) / 1000) }), look: "plain" };
  }
  if (row.mode === "person" && row.owner && row.owner.id !== me?.id) return { text: row.owner.name, look: "plain" };
  if (others.length) return { text: t("here.is", { name: others[0].name }), look: "plain" };
  if (row.mode === "person") return { text: t("due.fine"), look: "plain" };
  return row.mode === "bot" || row.mode === "closed" ? { text: t(`mode.${row.mode}`), look: "plain" } : null;
}

export class List {
  tab = "mine";
  query = "";
  focused = null;
  #nodes = new Map();
  #held = null;
  #settling = 0;
  #drawing = false;
  #height = 0;

  constructor(inbox, { go }) {
    this.inbox = inbox;
    this.go = go;
    this.tabs = h("div", { class: "tabs", role: "tablist", "aria-label": t("list.lists"), on: { keydown: (event) => this.#tabKeys(event) } });
    for (const name of ["mine", "queue", "all"]) {
      this.tabs.append(h("button", {
        type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "rows-panel", data: { list: name },
        title: `${t(`list.${name}`)} (G ${name[0].toUpperCase()})`, on: { click: () => this.choose(name) },
      }, h("span", { text: t(`list.${name}`) }), " ", h("span", { class: "count" })));
    }
    this.rows = h("ul", { class: "rows", "aria-label": t("list.conversations") });
    this.empty = h("p", { class: "empty" });
    this.scroller = h("div", { class: "scroller", id: "rows-panel", role: "tabpanel" }, this.rows, this.empty);
    this.element = h("nav", { class: "list", id: "list", "aria-label": t("list.conversations") }, this.tabs, this.scroller);

    this.scroller.addEventListener("scroll", () => {
      const { scrollTop, scrollHeight, clientHeight } = this.scroller;
      if (scrollHeight - scrollTop - clientHeight < 600) inbox.further(this.tab);
      this.draw();
    });
    this.rows.addEventListener("pointerenter", () => this.#hold());
    this.rows.addEventListener("pointerleave", () => this.#release());
    this.rows.addEventListener("focusin", (event) => {
      const row = event.target.closest("a.row");
      if (row) this.focused = row.dataset.conv;
      if (row?.matches(":focus-visible")) this.#hold();
    });
    this.rows.addEventListener("focusout", (event) => {
      if (!this.rows.contains(event.relatedTarget)) this.#release();
    });
    this.rows.addEventListener("keydown", (event) => this.#rowKeys(event));
    new ResizeObserver(() => this.draw()).observe(this.scroller);
    inbox.on("lists", () => { this.#held = null; this.draw(); });
    inbox.on("row", ({ list, isNew, gone }) => {
      if (this.#held && (list === this.tab || !list) && (isNew || gone || list)) this.#settleSoon();
      this.draw();
    });
  }

  get roll() {
    return this.inbox.lists[this.tab];
  }

  choose(name, { focus = false } = {}) {
    if (this.tab !== name) {
      this.tab = name;
      this.#held = null;
      this.focused = null;
      this.scroller.scrollTop = 0;
      this.inbox.keep("list", name);
    }
    this.draw();
    if (focus) this.focus();
  }

  search(query) {
    this.query = query.trim().toLocaleLowerCase();
    this.#held = null;
    this.scroller.scrollTop = 0;
    this.draw();
  }

  /** The rows as they stand on the page. */
  shown() {
    const now = this.#held ?? this.roll.rows;
    if (!this.query) return now;
    const all = this.inbox.lists.all.rows.length ? [...new Map([...this.roll.rows, ...this.inbox.lists.all.rows].map((row) => [row.conv, row])).values()] : now;
    return all.filter((row) => [row.name, row.preview, row.channel, row.conv, ...(row.tags ?? [])]
      .some((one) => one?.toLocaleLowerCase().includes(this.query)));
  }

  /** The row after (or before) the one that is open, for keys. */
  beside(conv, step) {
    const rows = this.shown();
    const at = rows.findIndex((row) => row.conv === conv);
    if (at < 0) return rows[step > 0 ? 0 : rows.length - 1]?.conv ?? null;
    return rows[at + step]?.conv ?? null;
  }

  focus(conv = this.focused ?? this.inbox.current) {
    const rows = this.shown();
    const at = Math.max(0, rows.findIndex((row) => row.conv === conv));
    if (!rows[at]) {
      this.tabs.querySelector("[aria-selected=true]")?.focus();
      return;
    }
    this.#reveal(at);
    this.focused = rows[at].conv;
    this.drawNow();
    this.#nodes.get(this.focused)?.querySelector("a").focus({ preventScroll: true });
  }

  // ── holding still ─────────────────────────────────────────────────────────────────────────────────────────────────

  #hold() {
    this.#held ??= this.roll.rows.slice();
  }

  #release() {
    if (this.rows.matches(":hover") || this.rows.querySelector(":focus-visible")) return;
    this.#settle();
  }

  #settleSoon() {
    this.#settling ||= setTimeout(() => {
      this.#settle();
      if (this.rows.matches(":hover") || this.rows.querySelector(":focus-visible")) this.#hold();
    }, HOLD);
  }

  #settle() {
    clearTimeout(this.#settling);
    this.#settling = 0;
    this.#held = null;
    this.draw();
  }

  // ── drawing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    this.#drawing = false;
    const { lists } = this.inbox;
    for (const tab of this.tabs.children) {
      const chosen = tab.dataset.list === this.tab;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      const total = lists[tab.dataset.list].total;
      tab.querySelector(".count").textContent = tab.dataset.list === "all" || !this.inbox.me ? "" : number(total);
    }
    this.scroller.setAttribute("aria-labelledby", `tab-${this.tab}`);
    const rows = this.shown();
    this.#empty(rows);
    if (!this.#height && rows.length) this.#measure();
    const height = this.#height || 79;
    const virtual = rows.length >= VIRTUAL;
    const top = this.scroller.scrollTop;
    const from = virtual ? Math.max(0, Math.floor(top / height) - BEYOND) : 0;
    const to = virtual ? Math.min(rows.length, Math.ceil((top + this.scroller.clientHeight) / height) + BEYOND) : rows.length;
    this.rows.style.blockSize = `${rows.length * height}px`;
    const wanted = new Map();
    for (let at = from; at < to; at += 1) wanted.set(rows[at].conv, at);
    const tabbed = this.#tabbed(rows);
    if (tabbed && !wanted.has(tabbed.conv)) wanted.set(tabbed.conv, tabbed.at);
    for (const [conv, node] of this.#nodes) {
      if (wanted.has(conv)) continue;
      node.remove();
      this.#nodes.delete(conv);
    }
    const now = this.inbox.now();
    let before = null;
    for (const [conv, at] of [...wanted].sort((a, b) => a[1] - b[1])) {
      const row = this.roll.byId.get(conv) ?? this.inbox.row(conv) ?? rows[at];
      let node = this.#nodes.get(conv);
      if (!node) {
        node = this.#make(conv);
        this.#nodes.set(conv, node);
      }
      this.#fill(node, row, now);
      node.style.transform = `translateY(${at * height}px)`;
      node.setAttribute("aria-setsize", String(rows.length));
      node.setAttribute("aria-posinset", String(at + 1));
      node.classList.toggle("leaving", !this.query && !this.roll.byId.has(conv));
      node.firstChild.tabIndex = conv === tabbed?.conv ? 0 : -1;
      // In the document in the order shown, so that readers of the page meet the rows so; moved only when out of place.
      const next = before ? before.nextSibling : this.rows.firstChild;
      if (next !== node) {
        const hadFocus = node.contains(document.activeElement);
        this.rows.insertBefore(node, next);
        if (hadFocus) node.firstChild.focus({ preventScroll: true });
      }
      before = node;
    }
  }

  #tabbed(rows) {
    for (const conv of [this.focused, this.inbox.current]) {
      const at = conv ? rows.findIndex((row) => row.conv === conv) : -1;
      if (at >= 0) return { conv, at };
    }
    return rows.length ? { conv: rows[0].conv, at: 0 } : null;
  }

  #measure() {
    const probe = this.#make("probe");
    this.rows.append(probe);
    this.#height = probe.offsetHeight;
    probe.remove();
  }

  #make(conv) {
    return h("li", {}, h("a", { class: "row", href: `#/c/${encodeURIComponent(conv)}`, data: { conv } },
      h("span", { class: "who" }, h("span", { class: "dot", "aria-hidden": "true" }), h("bdi", { class: "name", dir: "auto" }),
        h("span", { class: "hidden unread-word" })),
      h("span", { class: "pill" }),
      h("span", { class: "preview", dir: "auto" }, h("bdi", { class: "by" }), h("span", { class: "colon" }), h("span", { class: "words" })),
      h("span", { class: "from" }, h("bdi", { dir: "auto" })),
      h("time", { class: "time" })));
  }

  #fill(node, row, now) {
    const link = node.firstChild;
    const set = (selector, text) => {
      const found = link.querySelector(selector);
      if (found.textContent !== text) found.textContent = text;
      return found;
    };
    const unread = row.unread > 0;
    link.classList.toggle("unread", unread);
    if (row.conv === this.inbox.current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    set(".name", row.name || t("visitor"));
    set(".unread-word", unread ? ` ${many("unread", row.unread)}` : "");
    const closing = this.inbox.closing.has(row.conv);
    const told = closing ? { text: t("closing"), look: "plain" } : pill(row, now, this.inbox.me);
    const shown = set(".pill", told?.text ?? "");
    shown.hidden = !told;
    shown.dataset.look = told?.look ?? "";
    const by = { bot: t("by.bot"), out: row.by && row.by !== this.inbox.me?.name ? `${row.by}:` : t("by.you"), note: t("by.note") }[row.dir];
    // The words make the line's direction; the name before them keeps its own, and its colon goes with the line.
    set(".by", by?.replace(/:$/, "") ?? "");
    set(".colon", by ? ": " : "");
    set(".words", row.preview ?? "");
    set(".from bdi", [t.channel?.(row.channel) ?? row.channel, ...(row.tags ?? [])].filter(Boolean).join(" · "));
    const time = set(".time", when(row.at, now));
    time.dateTime = row.at ?? "";
    time.title = clock(row.at);
  }

  #empty(rows) {
    const none = rows.length === 0 && this.inbox.me !== null;
    this.empty.hidden = !none;
    if (!none) return;
    const text = this.query ? t("empty.search", { query: this.query }) : t(`empty.${this.tab}`);
    if (this.empty.dataset.text === text) return;
    this.empty.dataset.text = text;
    this.empty.replaceChildren(h("span", { dir: "auto", text }), " ");
    if (this.query) this.empty.append(button({ text: t("empty.clear"), kind: "plain", press: () => this.onclear?.() }));
    else if (this.tab === "mine") this.empty.append(button({ text: t("empty.look"), kind: "plain", press: () => this.choose("queue") }));
  }

  /** Once a second: times go on. */
  tick() {
    const now = this.inbox.now();
    for (const [conv, node] of this.#nodes) {
      const row = this.inbox.row(conv);
      if (row) this.#fill(node, row, now);
    }
  }

  // ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  #reveal(at) {
    const height = this.#height || 79;
    const top = at * height;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + height > this.scroller.scrollTop + this.scroller.clientHeight) this.scroller.scrollTop = top + height - this.scroller.clientHeight;
  }

  move(step, { open = false } = {}) {
    const rows = this.shown();
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.conv === (this.focused ?? this.inbox.current));
    const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step));
    this.focus(rows[next].conv);
    if (open) this.go(rows[next].conv);
  }

  #rowKeys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    const last = this.shown().length;
    this.move(Math.max(-last, Math.min(last, step)));
  }

  #tabKeys(event) {
    const forward = t.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    const step = event.key === forward ? 1 : ["ArrowLeft", "ArrowRight"].includes(event.key) ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const names = ["mine", "queue", "all"];
    this.choose(names[(names.indexOf(this.tab) + step + 3) % 3]);
    this.drawNow();
    this.tabs.querySelector("[aria-selected=true]").focus();
  }
}

