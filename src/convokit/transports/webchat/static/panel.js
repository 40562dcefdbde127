/** The panel of <convokit-chat>: the log and what is told of it, the composer, the notices, the menu. */
import { ICONS, pictured, plainly, pressable, size, spoken } from "./content.js";
import { Line, newId } from "./line.js";
import { h, icon } from "./loader.js";

const END = 48; // px from the end within which the log follows
const WINDOW = 200; // rows in the document
const GROUP = 300_000; // ms within which one sender's messages stand together
const RENEW = 540_000; // ms after which a file's link is asked for anew
const PHONE = "(max-width: 480px), (max-height: 560px)";
const THUMB = /^image\/(png|jpeg|gif|webp|avif)$/;

export const mount = (ui) => new Panel(ui);

class Panel {
  #of = new WeakMap(); // li → {entry} or {row}
  #rows = new Map(); // cid → li
  #seqs = new Map(); // seq → li
  #offer = null; // the last message with choices that nobody answered yet
  #new = []; // what came while the end was out of sight
  #open = false;
  #follow = true;
  #greeting = null;
  #pending = [];
  #composing = false;
  #touched = false;
  #typists = new Map();
  #timers = {};
  #said = [];
  #recent = [];
  #held = null;
  #rated = null;
  #shut = null;
  #hidden = false;
  #ring = null;
  #entered; // closes the message whose controls the keyboard is in

  constructor(ui) {
    this.ui = Object.assign(ui, {
      address: (path) => new URL(path, ui.el.base).href,
      still: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
      choose: (entry, button, event) => this.#choose(entry, button, event),
      view: (source, alt) => this.#view(source, alt),
      renew: (entry) => entry.seq && !entry.renewed && ((entry.renewed = true), this.line.refresh(entry)),
      follow: (event, entry, file) => this.#download(event, entry, file),
      reword: () => this.#reword(),
    });
    const page = new URLSearchParams(`${location.search.slice(1)}&${location.hash.slice(1)}`);
    const { el } = ui;
    const getToken = async () => {
      if (el.getToken) return el.getToken();
      const answer = await fetch(el.getAttribute("token-url"), { credentials: "include", cache: "no-store", headers: { "X-Convokit": "1" } });
      if (!answer.ok) return null;
      const text = await answer.text();
      return text.trim().startsWith("{") ? JSON.parse(text).token : text.trim();
    };
    this.line = new Line({
      base: el.base,
      bot: el.getAttribute("bot") ?? "",
      hello: () => ({
        lang: ui.lang,
        tz: Intl.DateTimeFormat().resolvedOptions().timeZone,
        ref: el.getAttribute("ref") ?? page.get("ck-ref"),
        context: { url: location.href.replace(/#.*/, ""), title: document.title, ...el.context },
      }),
      token: el.getToken || el.hasAttribute("token-url") ? () => getToken().catch(() => null) : null,
      say: (what, detail) => this[`on_${what}`]?.(detail),
    });
    this.#build();
    this.#phone = matchMedia(PHONE);
    this.#phone.addEventListener("change", () => this.#open && (this.#hide(), this.#show(false)));
    for (const row of this.line.rows.values()) this.on_row(row);
    this.#input.value = this.line.shelf.get("draft") ?? "";
    this.#rated = this.line.shelf.get("rated") ?? null;
    this.#grow();
    this.#reword();
    if (ui.el.hasAttribute("open") === false) this.line.start();
  }

  #phone;
  #dialog;
  #title;
  #sub;
  #menu;
  #more;
  #scroll;
  #log;
  #still;
  #typing;
  #rating;
  #choices;
  #newer;
  #notice;
  #tray;
  #form;
  #input;
  #send;
  #clip;
  #pick;
  #fresh;
  #inner;
  #viewer;

  get #modal() {
    return this.ui.el.mode === "float" && this.#phone.matches;
  }

  get #focused() {
    return this.ui.root.getRootNode().activeElement;
  }

  // ── the frame ─────────────────────────────────────────────────────────────────────────────────────────────────

  #build() {
    const { ui } = this;
    const tool = (path, onclick, more = {}) => h("button", { type: "button", className: "tool", onclick, ...more }, icon(path));
    this.#title = h("h2", { tabIndex: -1 });
    this.#sub = h("p", { className: "sub" });
    this.#more = tool(ICONS.more, () => this.#toggle(this.#menu.hidden), { "aria-haspopup": "menu", "aria-expanded": "false" });
    this.#menu = h("div", { className: "menu", role: "menu", hidden: true });
    this.hideButton = tool(ICONS.down, () => ui.el.close(), { className: "tool hide" });
    const head = h("header", { part: "header" }, h("slot", { name: "header" }, h("div", { className: "title" }, this.#title, this.#sub)), this.#more, this.hideButton, this.#menu);

    this.#log = h("ol", { className: "log", part: "log", tabIndex: 0 });
    this.#still = h("div", { className: "still", hidden: true, "aria-hidden": "true" }, h("i"), h("i"), h("i"));
    this.#typing = h("p", { className: "typing", hidden: true });
    this.#rating = h("div", { className: "rating", hidden: true });
    this.#choices = h("div", { className: "choices", role: "group", hidden: true });
    this.#scroll = h("div", { className: "scroll" }, h("slot", { name: "empty", hidden: true }), this.#log, this.#still, this.#typing, this.#rating, this.#choices);
    this.#newer = h("button", { type: "button", className: "newer", hidden: true, onclick: () => this.#toNew() });
    const body = h("div", { className: "body" }, this.#scroll, this.#newer);

    this.#notice = h("div", { className: "notice", part: "notice", role: "status" });
    this.#tray = h("ul", { className: "tray", hidden: true });
    this.#pick = h("input", { type: "file", multiple: true, hidden: true, tabIndex: -1 });
    this.#clip = tool(ICONS.clip, () => this.#pick.click(), { className: "tool attach" });
    this.#input = h("textarea", { className: "input", part: "input", rows: 1, dir: "auto", enterKeyHint: "send", autocomplete: "off" });
    this.#send = h("button", { type: "submit", className: "send", part: "send" }, icon(ICONS.send));
    this.#fresh = h("button", { type: "button", className: "fresh", hidden: true, onclick: () => this.#anew() });
    this.#form = h("form", { className: "composer", part: "composer", noValidate: true }, this.#input, this.#clip, this.#send, this.#fresh, this.#pick);
    this.#inner = h("div", { className: "vh", role: "log", "aria-relevant": "additions" });
    this.#dialog = h("dialog", { className: "panel", part: "panel" }, head, body, this.#notice, h("slot", { name: "before-composer" }), this.#tray, this.#form, h("slot", { name: "footer" }), this.#inner);
    this.#viewer = h("dialog", { className: "viewer" });
    ui.root.append(this.#dialog, this.#viewer);
    this.#listen();
  }

  #listen() {
    const on = (target, kind, does) => target.addEventListener(kind, does);
    on(this.#dialog, "cancel", (event) => (event.preventDefault(), this.ui.el.close()));
    on(this.#dialog, "keydown", (event) => this.#key(event));
    // What is typed here is no shortcut of the page around it.
    for (const kind of ["keydown", "keypress", "keyup"]) {
      on(this.#dialog, kind, (event) => {
        if (event.target.matches("textarea, input") && !event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
      });
    }
    on(this.#dialog, "pointerdown", (event) => (this.#touched = event.pointerType === "touch"));
    on(this.#dialog, "click", (event) => !this.#menu.hidden && !event.composedPath().some((one) => one === this.#menu || one === this.#more) && this.#toggle(false));
    on(this.#log, "focusout", ({ target, relatedTarget }) => {
      if (!target.closest("article")?.contains(relatedTarget)) this.#entered = void this.#entered?.();
    });
    on(this.#form, "submit", (event) => (event.preventDefault(), this.#submit()));
    on(this.#input, "compositionstart", () => (this.#composing = true));
    // In Safari the Enter that ends a composition comes after its end.
    on(this.#input, "compositionend", () => setTimeout(() => (this.#composing = false)));
    on(this.#input, "input", () => this.#typed());
    on(this.#input, "paste", (event) => event.clipboardData.files.length && (event.preventDefault(), this.#add(event.clipboardData.files)));
    on(this.#pick, "change", () => (this.#add(this.#pick.files), (this.#pick.value = "")));
    on(this.#dialog, "dragover", (event) => event.preventDefault());
    on(this.#dialog, "drop", (event) => (event.preventDefault(), this.#add(event.dataTransfer.files)));
    // A press on Send leaves the focus, and so a phone's keyboard, as they were.
    for (const button of [this.#send, this.#choices]) on(button, "pointerdown", (event) => event.pointerType === "touch" && event.preventDefault());
    on(this.#scroll, "scroll", () => this.#scrolled());
    on(document, "visibilitychange", () => this.#look());
    on(window, "pagehide", () => this.line.draft(this.#input.value));
    new ResizeObserver(() => this.#follow && this.#toEnd()).observe(this.#log);
    new ResizeObserver(() => this.#follow && this.#toEnd()).observe(this.#scroll);
    on(this.#viewer, "click", () => this.#viewer.close());
  }

  #reword() {
    const { t, el, dir } = this.ui;
    if (!this.#dialog) return;
    this.#dialog.dir = this.#viewer.dir = dir;
    this.#dialog.lang = this.ui.lang;
    const name = (element, key) => element.setAttribute("aria-label", t(key));
    name(this.#more, "menu");
    name(this.hideButton, "hide");
    name(this.#log, "log");
    name(this.#choices, "choices");
    name(this.#clip, "attach");
    name(this.#send, "send");
    name(this.#input, "write");
    this.#clip.title = t("attach");
    this.#input.placeholder = t("write");
    this.#fresh.textContent = t("start_new");
    this.hideButton.hidden = el.mode === "inline";
    for (const li of this.#log.children) this.#draw(li);
    this.#head();
    this.on_mode();
    this.#notify();
  }

  #head() {
    const { t } = this.ui;
    const { mode, people, replySeconds } = this.line;
    const bot = this.botName || t("assistant");
    // In elements of their own, so that a name in another script stays in its place.
    this.#title.replaceChildren(h("bdi", {}, bot));
    this.#dialog.setAttribute("aria-label", bot);
    const names = people.map((one) => one.name).filter(Boolean);
    const who = mode === "person" ? new Intl.ListFormat(this.ui.lang).format(names) || t("person") : t(mode === "waiting" ? "waiting_short" : mode === "closed" ? "ended" : "assistant");
    const promise = replySeconds && ["bot", "waiting", "person"].includes(mode) ? t("replies_in", { time: this.#span(replySeconds) }) : "";
    const parts = [who === bot ? "" : who, promise].filter(Boolean).map((part) => h("bdi", {}, part));
    this.#sub.replaceChildren(...parts.flatMap((part, at) => (at ? [" · ", part] : [part])));
    const [{ avatar } = {}] = mode === "person" ? people : [];
    const shown = this.ui.face.querySelector("img");
    if (!avatar) shown?.remove();
    else if (shown?.src !== this.ui.address(avatar)) (shown?.remove(), this.ui.face.append(h("img", { src: this.ui.address(avatar), alt: "" })));
  }

  #span(seconds) {
    const [unit, count] = seconds < 3600 ? ["minute", Math.max(1, Math.round(seconds / 60))] : ["hour", Math.round(seconds / 3600)];
    return new Intl.NumberFormat(this.ui.lang, { style: "unit", unit, unitDisplay: "short" }).format(count);
  }

  /** The visitor's own variant of the language that is shown: its clocks and its figures. */
  get #locale() {
    const { lang } = this.ui;
    return navigator.languages.find((one) => one.split("-")[0] === lang.split("-")[0]) ?? lang;
  }

  #time(at) {
    return new Intl.DateTimeFormat(this.#locale, { hour: "numeric", minute: "2-digit" }).format(new Date(at));
  }

  #day(at) {
    const day = new Date(at);
    const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86_400_000);
    if (days < 2 && days >= 0) {
      const word = new Intl.RelativeTimeFormat(this.ui.lang, { numeric: "auto" }).format(-days, "day");
      return word.charAt(0).toLocaleUpperCase(this.ui.lang) + word.slice(1);
    }
    const year = day.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
    return new Intl.DateTimeFormat(this.#locale, { weekday: "long", day: "numeric", month: "long", ...year }).format(day);
  }

  // ── open and closed ───────────────────────────────────────────────────────────────────────────────────────────

  open(asked) {
    if (this.#open || this.#hidden) return;
    this.#open = true;
    this.ui.peek.hidden = true;
    this.ui.dress();
    this.line.start();
    this.#after("still", 400, () => (this.#still.hidden = this.line.status === "live"));
    this.#show(asked);
    this.#toEnd();
    this.#look();
    this.ui.emit("open");
  }

  #show(asked) {
    const coarse = matchMedia("(pointer: coarse)").matches;
    this.ui.root.classList.add("opened");
    if (this.#modal) {
      this.#shut = new AbortController();
      const { signal } = this.#shut;
      const top = scrollY;
      signal.addEventListener("abort", () => scrollTo({ top, behavior: "instant" }));
      for (const kind of ["resize", "scroll"]) visualViewport?.addEventListener(kind, () => this.#fit(), { signal });
      this.#dialog.showModal();
      this.#fit();
      if (coarse) this.#title.focus();
      else this.#input.focus();
    } else {
      // Not show(): that moves the focus, which only a visitor's gesture may do.
      this.#dialog.open = true;
      if (asked && this.ui.el.mode === "float") (coarse ? this.#title : this.#input).focus();
    }
  }

  #fit() {
    const { height, offsetTop } = visualViewport ?? { height: innerHeight, offsetTop: 0 };
    this.#dialog.style.blockSize = `${height}px`;
    this.#dialog.style.transform = offsetTop ? `translateY(${offsetTop}px)` : "";
    if (this.#follow) this.#toEnd();
  }

  #hide() {
    this.#dialog.close();
    this.#dialog.style.blockSize = this.#dialog.style.transform = "";
    this.#shut?.abort();
    this.#shut = null;
  }

  close() {
    if (!this.#open) return;
    this.#open = false;
    const inside = this.#dialog.contains(this.#focused);
    this.#toggle(false);
    this.#hide();
    this.ui.root.classList.remove("opened");
    if (inside || this.#focused === null) this.#back();
    this.ui.emit("close");
  }

  #back() {
    const own = this.ui.el.querySelector("[slot=launcher]");
    (own ?? this.ui.launcher).focus({ preventScroll: true });
  }

  leave() {
    if (this.#open) this.#hide();
    this.#open = false;
    this.line.stop();
    this.line.status = "idle";
  }

  #after(name, ms, then) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(then, ms);
  }

  // ── what the host may call ────────────────────────────────────────────────────────────────────────────────────

  send(text) {
    this.line.start();
    if (text.trim()) this.line.compose({ text: text.trim() });
  }

  ask() {
    return this.line.act("person").catch((problem) => this.on_fault({ code: problem.code }));
  }

  async signOut() {
    await this.line.out();
    this.on_out();
  }

  // ── the log ───────────────────────────────────────────────────────────────────────────────────────────────────

  on_reset() {
    for (const li of [...this.#log.children]) if (!this.#of.get(li)?.row) li.remove();
    this.#seqs.clear();
    this.#offer = null;
    this.#greeting = null;
    this.#new = [];
    this.#newer.hidden = true;
    this.#follow = true;
    this.#rating.hidden = true;
    this.#drawChoices();
  }

  on_wiped() {
    this.#log.replaceChildren();
    this.#rows.clear();
    this.#input.value = "";
    this.#pending = [];
    this.#drawTray();
    this.#rated = null;
    this.#grow();
    this.ui.unread(0);
    this.ui.peek.hidden = true;
    this.ui.peek.replaceChildren();
    this.#inner.replaceChildren();
    this.ui.outer.replaceChildren();
  }

  on_out() {
    this.line.stop();
    this.line.status = "idle";
    this.ui.el.close();
  }

  on_welcome(frame) {
    this.botName = frame.bot?.name ?? this.botName;
    if ("away" in frame) this.line.away = frame.away;
    this.canBot = frame.can?.includes("bot");
    const { types } = this.line.limits;
    this.#pick.accept = (types ?? []).join(",");
    this.#clip.hidden = this.line.limits.file_bytes === 0;
    if (frame.anew && frame.greeting && this.line.low <= 1 && (frame.from ?? 1) <= 1) this.#greet(frame.greeting);
    this.#head();
    this.#still.hidden = true;
    this.#scroll.querySelector("slot").hidden = Boolean(frame.entries?.length);
  }

  #greet({ text, choices }) {
    const entry = { id: "greeting", seq: 0, kind: "text", by: { role: "bot", name: "" }, text, buttons: choices?.slice(0, 4) };
    this.#greeting = this.#place({ entry }, this.#log.firstChild);
    if (choices?.length) this.#offer = this.#greeting;
    this.#drawChoices();
  }

  on_ready({ anew }) {
    this.#marks();
    this.#drawChoices();
    if (anew) this.#toEnd();
    this.#fill();
    this.#look();
  }

  on_entry({ entry, history }) {
    const own = entry.by?.role === "visitor";
    let li = entry.cid && this.#rows.get(entry.cid);
    const before = [...this.#rows.values()].find((one) => one !== li) ?? null;
    this.#scroll.querySelector("slot").hidden = true;
    if (li) {
      this.#rows.delete(entry.cid);
      const { row } = this.#of.get(li);
      // The picture that is shown already is the one that was sent.
      entry.files?.forEach((file, at) => pictured(file) && row.files?.[at]?.local && (file.local = row.files[at].local));
      this.#of.set(li, { entry });
      if (before && li.compareDocumentPosition(before) & Node.DOCUMENT_POSITION_PRECEDING) this.#log.insertBefore(li, before);
      this.#draw(li);
      this.#tidy(li);
    } else {
      li = this.#place({ entry }, before);
    }
    this.#seqs.set(entry.seq, li);
    this.#answered(li);
    if (!own) {
      this.#quiet(entry.by);
      if (!history) this.#announce(entry);
    }
    if (entry.kind === "event") this.#ended(entry);
    else if (own) this.#rating.hidden = true;
    if (!history) {
      this.#marks();
      this.#drawChoices();
      if (!this.#follow && !own) this.#missed(li);
      this.#prune();
      this.#look();
      if (!own) this.ui.emit("received", { id: entry.id, text: entry.text ?? "", by: entry.by });
    }
    if (this.#follow) this.#toEnd();
  }

  on_changed(entry) {
    const li = this.#seqs.get(entry.seq);
    if (!li) return;
    this.#of.set(li, { entry });
    this.#draw(li);
    this.#tidy(li);
  }

  on_older(entries) {
    const anchor = this.#greeting ? this.#greeting.nextSibling : this.#log.firstChild;
    const { scrollHeight, scrollTop } = this.#scroll;
    const offer = this.#offer;
    this.#offer = null;
    for (const entry of entries) {
      const li = this.#place({ entry }, anchor, true);
      this.#seqs.set(entry.seq, li);
      this.#answered(li);
    }
    this.#offer = offer;
    if (anchor) this.#tidy(anchor);
    this.#scroll.scrollTop = scrollTop + this.#scroll.scrollHeight - scrollHeight;
    this.#fill();
  }

  /** A window that is not full asks for what was before. */
  #fill() {
    if (this.#open && this.#scroll.clientHeight && this.#scroll.scrollTop < 200) this.line.older();
  }

  /** While the end is followed, what is long past leaves the document; it is asked for again when somebody looks. */
  #prune() {
    if (!this.#follow || this.#log.children.length <= WINDOW) return;
    while (this.#log.children.length > WINDOW) {
      const li = this.#log.firstChild;
      const { entry } = this.#of.get(li);
      if (!entry) break;
      this.#seqs.delete(entry.seq);
      if (li === this.#greeting) this.#greeting = null;
      li.remove();
    }
    const first = this.#of.get(this.#log.firstChild).entry;
    if (first) this.line.low = first.seq;
    this.#tidy(this.#log.firstChild);
  }

  on_row(row) {
    let li = this.#rows.get(row.cid);
    if (!li) {
      li = this.#place({ row }, null);
      this.#rows.set(row.cid, li);
      this.#answered(li);
      this.#drawChoices();
      if (!row.foreign) this.#toEnd();
    } else {
      this.#of.set(li, { row });
      if (li.dataset.state !== row.state) this.#draw(li);
    }
    this.#marks();
    if (this.#follow) this.#toEnd();
  }

  on_unrow(row) {
    const li = this.#rows.get(row.cid);
    if (!li) return;
    const next = li.nextSibling;
    for (const file of row.files ?? []) (row.xhr?.abort(), file.local && URL.revokeObjectURL(file.local));
    if (li.contains(this.#focused)) this.#input.focus();
    this.#rows.delete(row.cid);
    li.remove();
    if (next) this.#tidy(next);
    this.#marks();
  }

  on_sent(row) {
    this.ui.emit("sent", { cid: row.cid, text: row.text ?? "" });
  }

  #place(item, before, quiet = false) {
    const li = h("li");
    this.#of.set(li, item);
    this.#draw(li);
    this.#log.insertBefore(li, before);
    this.#tidy(li);
    if (!quiet && li.nextSibling) this.#tidy(li.nextSibling);
    return li;
  }

  #role(item) {
    return item.row ? "visitor" : item.entry.by?.role ?? "system";
  }

  #draw(li) {
    const { entry, row } = this.#of.get(li);
    const { ui } = this;
    const { t } = ui;
    const role = this.#role({ entry, row });
    const at = entry?.at ?? row?.at;
    if (entry?.kind === "event") {
      li.className = "event";
      li.replaceChildren(h("p", { className: "line", part: "event" }, h("span", {}, h("span", { dir: "auto" }, this.#event(entry)), " · ", h("bdi", {}, this.#time(at)))));
      return;
    }
    const said = entry ?? { by: { role }, text: row.text ?? row.choice?.label, files: row.files };
    const name = role === "visitor" ? t("you") : said.by?.name || t(role === "bot" ? "assistant" : "person");
    const label = at ? `${name}, ${this.#time(at)}` : name;
    const article = h("article", { tabIndex: -1, "aria-label": label }, ...spoken(said, ui));
    const parts = [article];
    if (role !== "visitor") {
      const time = at ? [" · ", h("bdi", {}, this.#time(at))] : [];
      parts.unshift(h("p", { className: "who", "aria-hidden": "true" }, h("span", { dir: "auto" }, name), ...time));
    } else parts.push(h("p", { className: "meta" }));
    li.className = `said ${role}`;
    li.dataset.state = row?.state ?? "";
    if (at) li.title = "";
    li.replaceChildren(...parts);
    for (const inner of article.querySelectorAll("a, button")) inner.tabIndex = -1;
    if (li.dataset.chosen !== undefined) this.#used(li);
    if (row) this.#meta(li);
  }

  /** Where a message stands among its neighbours: a new day, a new speaker, or one more of the same. */
  #tidy(li) {
    const item = this.#of.get(li);
    const previous = li.previousSibling;
    const before = previous && this.#of.get(previous);
    const at = (one) => new Date(one.entry ? one.entry.at ?? one.row?.at ?? Date.now() : one.row.at);
    const day = li.querySelector(".day");
    const fresh = !(item.entry?.seq === 0) && (!before || before.entry?.seq === 0 || at(before).toDateString() !== at(item).toDateString());
    day?.remove();
    if (fresh) li.prepend(h("p", { className: "day" }, this.#day(at(item))));
    const said = (one) => (one.entry?.kind ?? "text") !== "event";
    const who = (one) => `${this.#role(one)} ${one.entry?.by?.name ?? ""}`.trim();
    const same = Boolean(before) && !fresh && said(before) && said(item) && at(item) - at(before) < GROUP
      && (this.#role(item) === "visitor" ? this.#role(before) === "visitor" : who(item) === who(before));
    li.classList.toggle("same", same);
    previous?.classList.toggle("mid", same);
  }

  #event(entry) {
    const name = entry.by?.name || this.ui.t("person");
    const known = ["waiting", "taken", "transferred", "returned", "closed", "expired"];
    if (!known.includes(entry.event)) return entry.text ?? entry.event ?? "";
    const key = entry.event === "closed" && entry.by?.role !== "person" ? "event_ended" : `event_${entry.event}`;
    return this.ui.t(key, { name, to: entry.to?.name ?? entry.to ?? this.ui.t("person") });
  }

  /** The line under the visitor's own messages: the last one says how far it got, a group's last when it was said. */
  #marks() {
    const own = [...this.#log.children].slice(-60).filter((li) => li.classList.contains("visitor"));
    for (const li of own) this.#meta(li, li === own.findLast((one) => this.#of.get(one).entry));
  }

  on_marks() {
    this.#marks();
  }

  #meta(li, last = false) {
    const { entry, row } = this.#of.get(li);
    const meta = li.querySelector(".meta");
    if (!meta) return;
    const { t } = this.ui;
    const button = (key, does) => h("button", { type: "button", className: "plain", onclick: does }, t(key));
    if (entry) {
      const read = last && entry.seq <= this.line.seenThem;
      const got = last && entry.seq <= this.line.gotThem;
      const time = this.#time(read && this.line.readAt ? this.line.readAt : entry.at);
      const words = last ? t(read ? "read" : got ? "delivered" : "sent", { time }) : time;
      if (meta.textContent !== words) meta.replaceChildren(words);
      meta.className = "meta";
      return;
    }
    const { state } = row;
    const key = `${state} ${row.code ?? ""} ${this.line.status}`;
    if (meta.dataset.key === key && state !== "uploading") return;
    meta.dataset.key = key;
    meta.className = `meta ${state}`;
    meta.removeAttribute("role");
    if (state === "failed") {
      meta.setAttribute("role", "alert");
      meta.replaceChildren(h("span", {}, t("not_sent", { why: this.#why(row) })), button("retry", () => this.line.again(row)), button("remove", () => this.line.discard(row)));
    } else if (state === "stale") {
      meta.replaceChildren(h("span", {}, t("stale")), button("send_now", () => this.line.again(row)), button("remove", () => this.line.discard(row)));
    } else if (state === "uploading") {
      if (!meta.querySelector("progress")) meta.replaceChildren(h("progress", { max: 1, "aria-label": t("uploading") }), button("cancel", () => this.line.discard(row)));
      meta.firstChild.value = row.progress ?? 0;
    } else meta.replaceChildren(t(state === "sent" ? "sent" : this.line.status === "live" ? "sending" : "waits", { time: this.#time(row.at) }));
  }

  #why(row) {
    const { max, allowed } = row.figures ?? {};
    const known = ["too_big", "type", "blocked", "too_long", "rate", "file_missing", "forbidden", "full"];
    const key = known.includes(row.code) ? `why_${row.code}` : "why_other";
    return this.ui.t(key, { max: max ? size(max, this.ui.lang) : "", types: this.#kinds(allowed) });
  }

  #kinds(types = []) {
    return new Intl.ListFormat(this.ui.lang, { type: "unit" }).format(types.map((type) => type.replace(/^[a-z]+\//, "").replace(/^\./, "").toUpperCase()));
  }

  // ── choices ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Keep which message's choices are open, and mark the one that the visitor took. */
  #answered(li) {
    const { entry, row } = this.#of.get(li);
    if (this.#role({ entry, row }) !== "visitor") {
      if (entry.kind === "text") this.#offer = entry.buttons?.some((button) => !button.url) ? li : null;
      return;
    }
    const offer = this.#offer;
    this.#offer = null;
    if (!offer) return;
    const choice = row?.choice ?? entry?.choice;
    const said = choice?.label ?? row?.text ?? entry?.text;
    const offered = this.#of.get(offer).entry.buttons.filter((button) => !button.url);
    const taken = offered.find((button) => (choice?.value ? button.payload === choice.value : button.label === said));
    if (!taken) return;
    offer.dataset.chosen = taken.label;
    this.#used(offer);
  }

  #used(li) {
    const { entry } = this.#of.get(li);
    li.querySelector(".used")?.remove();
    const chips = entry.buttons.filter((button) => !button.url).map((button) => {
      const chip = pressable(button, entry, this.ui, true);
      chip.tabIndex = -1;
      if (button.label === li.dataset.chosen) {
        chip.setAttribute("aria-label", this.ui.t("chose", { label: button.label }));
        chip.classList.add("chosen");
        chip.prepend(icon(ICONS.check));
      }
      return chip;
    });
    li.querySelector("article").append(h("div", { className: "options used" }, ...chips));
  }

  #drawChoices() {
    const entry = this.#offer && this.#of.get(this.#offer).entry;
    const shown = entry && ["bot", "away"].includes(this.line.mode) ? entry.buttons.filter((button) => !button.url) : [];
    const key = shown.length ? entry.id : "";
    if (this.#choices.dataset.of === key && this.#choices.hidden === !key) return;
    if (this.#choices.contains(this.#focused)) this.#input.focus();
    this.#choices.dataset.of = key;
    this.#choices.hidden = !key;
    this.#choices.replaceChildren(...shown.map((button) => pressable(button, entry, this.ui)));
  }

  #choose(entry, button) {
    // The focus goes first, so that it is never on what is taken away; a phone's keyboard stays as it was.
    if (!this.#touched) this.#input.focus();
    else if (this.#focused !== this.#input) this.#log.focus({ preventScroll: true });
    this.line.compose({ choice: { of: entry.id, value: button.payload ?? button.label, label: button.label } });
  }

  // ── scrolling and looking ─────────────────────────────────────────────────────────────────────────────────────

  #toEnd() {
    this.#follow = true;
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    if (!clientHeight) return;
    this.#follow = scrollHeight - scrollTop - clientHeight <= END;
    if (this.#follow) {
      this.#new = [];
      this.#newer.hidden = true;
    }
    this.#fill();
    this.#look();
  }

  #missed(li) {
    if (this.#of.get(li).entry.kind !== "text") return;
    this.#new.push(li);
    this.#newer.replaceChildren(this.ui.n("newer", this.#new.length), icon(ICONS.down));
    this.#newer.hidden = false;
  }

  #toNew() {
    const [li] = this.#new;
    const near = li && li.offsetTop - this.#scroll.scrollTop < 2 * this.#scroll.clientHeight && !this.ui.still();
    if (li) this.#scroll.scrollTo({ top: li.offsetTop - 8, behavior: near ? "smooth" : "auto" });
    if (this.#newer.matches(":focus")) this.#log.focus({ preventScroll: true });
    this.#newer.hidden = true;
    this.#new = [];
  }

  /** What has been in view for half a second has been seen. */
  #look() {
    this.#timers.look ??= setTimeout(() => {
      this.#timers.look = undefined;
      if (!this.#open || document.visibilityState !== "visible") return;
      const view = this.#scroll.getBoundingClientRect();
      for (let li = this.#log.lastElementChild; li; li = li.previousElementSibling) {
        const { seq } = this.#of.get(li)?.entry ?? {};
        if (!seq) continue;
        const box = li.getBoundingClientRect();
        const shown = Math.min(box.bottom, view.bottom) - Math.max(box.top, view.top);
        if (shown >= Math.min(box.height, view.height) / 2) return this.line.seen(seq);
      }
    }, 500);
  }

  on_unread(unread) {
    this.ui.unread(unread.length);
    const last = unread.at(-1);
    if (this.#open || !last) return void (this.ui.peek.hidden = true);
    const { peek, t, el } = this.ui;
    if (peek.dataset.of === last.id) return;
    peek.dataset.of = last.id;
    const name = last.by?.name || t(last.by?.role === "bot" ? "assistant" : "person");
    peek.replaceChildren(
      h("button", { type: "button", className: "words", onclick: () => el.open() }, h("b", {}, h("bdi", {}, name)), h("span", {}, h("bdi", {}, plainly(last, this.ui)))),
      h("button", { type: "button", className: "tool", "aria-label": t("dismiss"), onclick: () => ((peek.hidden = true), this.#back()) }, icon(ICONS.cross)),
    );
    peek.hidden = false;
  }

  // ── telling ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Tell a screen reader, in exactly one of two places: behind a modal panel nothing is heard. */
  #announce(entry) {
    const words = entry.kind === "event" ? this.#event(entry) : `${entry.by?.name || this.ui.t(entry.by?.role === "bot" ? "assistant" : "person")}: ${plainly(entry, this.ui)}`;
    this.#said.push(words);
    this.#timers.tell ??= setTimeout(() => {
      this.#timers.tell = undefined;
      const now = Date.now();
      this.#recent = this.#recent.filter((at) => now - at < 2_000);
      const many = this.#said.length + this.#recent.length > 3;
      const place = this.#open && this.#modal ? this.#inner : this.ui.outer;
      for (const text of many ? [this.ui.n("many", this.#said.length)] : this.#said) {
        const node = place.appendChild(h("p", {}, text));
        setTimeout(() => node.remove(), 1_000);
      }
      this.#recent.push(...this.#said.map(() => now));
      this.#said = [];
    }, 250);
    if (entry.kind === "text") this.#sound();
  }

  #sound() {
    const seen = this.#open && document.visibilityState === "visible" && document.hasFocus();
    if (seen || !this.line.bell || this.line.shelf.get("sound") === false || !navigator.userActivation?.hasBeenActive) return;
    this.#ring ??= new AudioContext();
    const from = this.#ring.currentTime;
    const [tone, gain] = [this.#ring.createOscillator(), this.#ring.createGain()];
    tone.frequency.setValueAtTime(660, from);
    tone.frequency.setValueAtTime(880, from + 0.09);
    gain.gain.setValueAtTime(0.06, from);
    gain.gain.exponentialRampToValueAtTime(0.0001, from + 0.35);
    tone.connect(gain).connect(this.#ring.destination);
    tone.start(from);
    tone.stop(from + 0.36);
    this.ui.el.dispatchEvent(new CustomEvent("ck-sound", { bubbles: true, composed: true }));
  }

  on_typing({ by, ttl = 6_000 }) {
    const role = by?.role ?? (typeof by === "string" ? by : "bot");
    if (role === "visitor" || role === "user") return;
    const name = by?.name || this.ui.t(role === "bot" ? "assistant" : "person");
    clearTimeout(this.#typists.get(role)?.timer);
    this.#typists.set(role, { name, timer: setTimeout(() => this.#quiet({ role }), ttl) });
    this.#drawTyping();
  }

  #quiet(by) {
    const roles = by ? [by.role === "operator" ? "person" : by.role] : [...this.#typists.keys()];
    for (const role of [...roles, ...(roles.includes("person") ? ["operator"] : [])]) {
      clearTimeout(this.#typists.get(role)?.timer);
      this.#typists.delete(role);
    }
    this.#drawTyping();
  }

  #drawTyping() {
    const [first] = this.#typists.values();
    this.#typing.hidden = !first;
    if (first) this.#typing.replaceChildren(h("span", { className: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", { dir: "auto" }, this.ui.t("typing", { name: first.name })));
    if (this.#follow) this.#toEnd();
  }

  // ── states ────────────────────────────────────────────────────────────────────────────────────────────────────

  on_status(status) {
    clearTimeout(this.#timers.late);
    if (status === "live") {
      this.#still.hidden = true;
      this.#late = false;
    } else if (["lost", "connecting"].includes(status) && !this.#late) {
      this.#timers.late = setTimeout(() => {
        this.#late = true;
        this.#notify();
      }, status === "lost" ? 2_000 : 4_000);
    }
    if (["offline", "unreachable", "signedout"].includes(status)) {
      this.#late = true;
      this.#still.hidden = true;
    }
    if (status === "blocked") this.#block();
    const off = status === "unreachable" ? this.ui.t("unreachable") : status === "signedout" ? this.ui.t("signed_out") : "";
    this.#send.setAttribute("aria-disabled", String(Boolean(off)));
    this.#send.title = off;
    this.#input.readOnly = status === "signedout";
    this.#notify();
    this.#marks();
  }

  #late = false;

  #block() {
    this.#hidden = true;
    this.ui.el.close();
    this.ui.root.hidden = true;
    this.ui.emit("error", { code: "blocked" });
  }

  on_mode(mode) {
    const { line } = this;
    if (mode && mode !== this.shownMode) {
      this.shownMode = mode;
      this.#quiet();
      this.ui.emit("mode", { mode });
    }
    const closed = line.mode === "closed";
    this.#form.classList.toggle("closed", closed);
    const focused = this.#focused === this.#input;
    for (const part of [this.#input, this.#send]) part.hidden = closed;
    this.#clip.hidden = closed || line.limits.file_bytes === 0;
    this.#fresh.hidden = !closed;
    if (closed && focused) this.#fresh.focus();
    this.#head();
    this.#notify();
    this.#drawChoices();
  }

  on_held({ wait }) {
    this.#held = Date.now() + wait;
    const tick = () => {
      this.#notify();
      if (Date.now() < this.#held) this.#after("held", 1_000, tick);
      else this.#held = null;
      if (!this.#held) this.#notify();
    };
    tick();
  }

  on_fault(detail) {
    this.ui.emit("error", detail);
  }

  /** The one line above the composer: what is the matter, and what can be done. */
  #notify() {
    const { t } = this.ui;
    const { status, mode, queue, away, shelf } = this.line;
    const contact = this.ui.el.getAttribute("contact");
    const retry = ["retry_now", () => this.line.retry()];
    let said = null;
    if (status === "signedout") said = ["warn", "signed_out", t("signed_out"), retry];
    else if (status === "offline" && this.#late) said = ["warn", "offline", t("offline")];
    else if (status === "unreachable") said = ["warn", "unreachable", contact ? t("unreachable_write", { contact }) : t("unreachable"), retry];
    else if (status !== "live" && this.#late) said = ["warn", "lost", t("reconnecting")];
    else if (this.#held && this.#held > Date.now()) said = ["warn", "held", this.ui.n("slow", Math.ceil((this.#held - Date.now()) / 1000))];
    else if (this.#problem) said = ["warn", `problem ${this.#problem}`, this.#problem, ["dismiss", () => this.#complain("")]];
    else if (mode === "waiting") {
      const place = queue?.place ? this.ui.n("place", queue.place) : t("waiting");
      const time = queue?.wait_s ? t("about", { time: this.#span(queue.wait_s) }) : "";
      said = ["calm", `waiting ${queue?.place} ${queue?.wait_s}`, [place, time].filter(Boolean).join(" "), ...(this.canBot ? [["keep_bot", () => this.line.act("bot").catch(() => {})]] : [])];
    } else if (mode === "away") said = ["calm", `away ${JSON.stringify(away)}`, (typeof away === "string" ? away : away?.note) || t("away"), ...this.#letter(away)];
    else if (!shelf.kept && status === "live") said = ["calm", "memory", t("not_kept")];
    const key = said ? `${said[1]} ${this.ui.lang} ${said[1] === "held" ? said[2] : ""}` : "";
    if (this.#notice.dataset.key === key) return;
    this.#notice.dataset.key = key;
    this.#notice.className = `notice ${said?.[0] ?? ""}`;
    const [, , words, ...offers] = said ?? [];
    const made = offers.map((offer) => (Array.isArray(offer) ? h("button", { type: "button", className: "plain", onclick: offer[1] }, t(offer[0])) : offer));
    this.#notice.replaceChildren(...(said ? [h("p", {}, h("bdi", {}, words)), ...made] : []));
    if (this.#follow) this.#toEnd();
  }

  #problem = "";

  #complain(words) {
    this.#problem = words;
    this.#notify();
  }

  /** While nobody is there: an address to write to, or a field for the visitor's own. */
  #letter(away) {
    const address = away?.email;
    if (typeof address === "string" && address.includes("@")) return [h("a", { className: "plain", href: `mailto:${address}` }, h("bdi", {}, address))];
    if (address !== true) return [];
    const field = h("input", { type: "email", autocomplete: "email", dir: "auto", placeholder: this.ui.t("your_email"), "aria-label": this.ui.t("your_email"), required: true });
    const form = h("form", { className: "letter" }, field, h("button", { type: "submit", className: "plain" }, this.ui.t("leave_email")));
    form.onsubmit = (event) => {
      event.preventDefault();
      this.line.compose({ text: this.ui.t("my_email", { email: field.value.trim() }) });
      this.#input.focus();
      form.remove();
    };
    return [form];
  }

  // ── the end of it ─────────────────────────────────────────────────────────────────────────────────────────────

  #ended(entry) {
    if (entry.event !== "closed" || this.#rated === entry.id) return void (entry.event !== "closed" && (this.#rating.hidden = true));
    const { t, n } = this.ui;
    let score = 0;
    const stars = [1, 2, 3, 4, 5].map((value) => {
      const star = h("input", { type: "radio", name: "score", value: String(value), "aria-label": n("stars", value) });
      star.onchange = () => {
        score = value;
        stars.forEach((one, at) => one.parentElement.classList.toggle("on", at < value));
        rest.hidden = false;
        this.#toEnd();
      };
      h("label", {}, star, icon(ICONS.star));
      return star;
    });
    const comment = h("textarea", { rows: 2, dir: "auto", maxLength: 1000, placeholder: t("comment"), "aria-label": t("comment") });
    const rest = h("div", { className: "rest", hidden: true }, comment, h("button", { type: "submit", className: "choice" }, t("rate_send")));
    const form = h("form", {}, h("fieldset", {}, h("legend", {}, t("rate")), ...stars.map((star) => star.parentElement)), rest);
    form.onsubmit = async (event) => {
      event.preventDefault();
      this.#rated = entry.id;
      this.line.shelf.set("rated", entry.id);
      const focus = form.contains(this.#focused);
      this.#rating.replaceChildren(h("p", { role: "status" }, t("thanks")));
      if (focus) (this.#fresh.hidden ? this.#input : this.#fresh).focus();
      await this.line.act("rate", { score, comment: comment.value.trim(), of: entry.id }).catch((problem) => this.on_fault({ code: problem.code }));
    };
    this.#rating.replaceChildren(form);
    this.#rating.hidden = false;
  }

  async #anew() {
    this.#fresh.disabled = true;
    try {
      await this.line.anew();
      this.line.mode = "bot";
      this.on_mode("bot");
      if (!matchMedia("(pointer: coarse)").matches) this.#input.focus();
    } catch (problem) {
      this.on_fault({ code: problem.code });
      this.#complain(this.ui.t("why_other"));
    } finally {
      this.#fresh.disabled = false;
    }
  }

  // ── the menu ──────────────────────────────────────────────────────────────────────────────────────────────────

  #toggle(open) {
    if (!open && this.#menu.hidden) return;
    const inside = this.#menu.contains(this.#focused);
    this.#more.setAttribute("aria-expanded", String(open));
    this.#menu.hidden = !open;
    if (!open) return void (inside && this.#more.focus());
    const { t } = this.ui;
    const { mode, conv, shelf } = this.line;
    const item = (path, key, does, stay = false) => {
      const made = h("button", { type: "button", role: "menuitem", tabIndex: -1 }, icon(path), t(key));
      made.onclick = () => (stay || this.#toggle(false), does(made));
      return made;
    };
    const sound = shelf.get("sound") !== false;
    const items = [item(ICONS.save, "transcript", () => this.#transcript()), item(sound ? ICONS.bell : ICONS.mute, sound ? "sound_off" : "sound_on", () => shelf.set("sound", !sound))];
    if (["bot", "away"].includes(mode)) items.unshift(item(ICONS.person, "ask_person", () => this.ask()));
    if (conv && mode !== "closed") {
      items.push(item(ICONS.end, "end", (made) => {
        if (made.dataset.sure) return (this.#toggle(false), this.line.act("end").catch((problem) => this.on_fault({ code: problem.code })));
        made.dataset.sure = "yes";
        made.replaceChildren(icon(ICONS.end), t("end_sure"));
      }, true));
    }
    this.#menu.replaceChildren(...items);
    items[0].focus();
  }

  async #transcript() {
    for (let page = 0; page < 200 && this.line.low > 1 && this.line.older(); page += 1) {
      await new Promise((go) => {
        const drawn = this.on_older;
        this.on_older = (entries) => (delete this.on_older, drawn.call(this, entries), go());
      });
    }
    const lines = [...this.line.entries.values()].toSorted((a, b) => a.seq - b.seq).map((entry) => {
      const when = new Intl.DateTimeFormat(this.#locale, { dateStyle: "short", timeStyle: "short" }).format(new Date(entry.at));
      const name = entry.by?.role === "visitor" ? this.ui.t("you") : entry.by?.name || this.ui.t(entry.by?.role === "bot" ? "assistant" : "person");
      return entry.kind === "event" ? `${when}  — ${this.#event(entry)}` : `${when}  ${name}: ${plainly(entry, this.ui)}`;
    });
    const url = URL.createObjectURL(new Blob([`${this.#title.textContent}\r\n\r\n${lines.join("\r\n")}\r\n`], { type: "text/plain;charset=utf-8" }));
    h("a", { href: url, download: `${this.ui.t("transcript_file")}.txt` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  // ── the composer ──────────────────────────────────────────────────────────────────────────────────────────────

  on_draft(text) {
    if (this.#focused === this.#input) return;
    this.#input.value = text;
    this.#grow();
  }

  on_returned(row) {
    this.#input.value = [row.text, this.#input.value].filter(Boolean).join("\n");
    this.line.draft(this.#input.value);
    this.#grow();
  }

  #typed() {
    this.#grow();
    if (this.#input.value.trim()) this.line.typing();
    this.#after("draft", 300, () => this.line.draft(this.#input.value));
  }

  #grow() {
    const input = this.#input;
    if (!CSS.supports("field-sizing", "content")) {
      input.style.blockSize = "auto";
      if (input.scrollHeight) input.style.blockSize = `${Math.min(input.scrollHeight + 2, 160)}px`;
    }
    const empty = !input.value.trim() && !this.#pending.length;
    this.#send.classList.toggle("idle", empty);
  }

  #submit() {
    const text = this.#input.value.trim();
    if (!text && !this.#pending.length) return;
    if (["unreachable", "signedout"].includes(this.line.status)) return;
    const most = this.line.limits.text ?? 8_000;
    if (text.length > most) return this.#complain(this.ui.t("too_long", { max: new Intl.NumberFormat(this.ui.lang).format(most) }));
    this.#complain("");
    const files = this.#pending.length ? this.#pending : undefined;
    this.#pending = [];
    this.#drawTray();
    this.#input.value = "";
    clearTimeout(this.#timers.draft);
    this.line.draft("");
    this.#grow();
    this.line.compose({ text: text || undefined, files });
    this.#toEnd();
  }

  #add(files) {
    const { file_bytes: most, types } = this.line.limits;
    const { t } = this.ui;
    this.#complain("");
    for (const file of files) {
      const fits = !types?.length || types.some((type) => (type.startsWith(".") ? file.name.toLowerCase().endsWith(type) : type.endsWith("/*") ? file.type.startsWith(type.slice(0, -1)) : type === file.type));
      if (most && file.size > most) this.#complain(t("file_too_big", { name: file.name, max: size(most, this.ui.lang) }));
      else if (!fits) this.#complain(t("file_type", { name: file.name, types: this.#kinds(types) }));
      else if (!file.size) this.#complain(t("file_empty", { name: file.name }));
      else if (this.#pending.length < 10) this.#pending.push({ cid: newId(), blob: file, name: file.name || t("picture"), type: file.type || "application/octet-stream", size: file.size, local: URL.createObjectURL(file) });
    }
    this.#drawTray();
    if (!this.#touched) this.#input.focus();
  }

  #drawTray() {
    const { t } = this.ui;
    this.#tray.hidden = !this.#pending.length;
    this.#tray.replaceChildren(...this.#pending.map((file) => {
      const shown = THUMB.test(file.type) ? h("img", { src: file.local, alt: "" }) : icon(ICONS.file);
      if (shown.src) shown.onload = () => ([file.w, file.h] = [shown.naturalWidth, shown.naturalHeight]);
      const remove = h("button", { type: "button", className: "tool", "aria-label": t("remove_file", { name: file.name }) }, icon(ICONS.cross));
      remove.onclick = () => {
        URL.revokeObjectURL(file.local);
        this.#pending = this.#pending.filter((one) => one !== file);
        this.#drawTray();
        this.#input.focus();
      };
      return h("li", {}, shown, h("span", {}, h("b", {}, h("bdi", {}, file.name)), h("small", {}, size(file.size, this.ui.lang))), remove);
    }));
    this.#grow();
    if (this.#follow) this.#toEnd();
  }

  /** The line's turn for this row has come: bring its files to the server, one after the other. */
  on_upload(row) {
    if (row.xhr) return;
    const file = row.files.find((one) => !one.id);
    if (!file) return this.line.uploaded(row);
    if (!file.blob) return this.line.failed(row, "file_missing");
    const xhr = (row.xhr = new XMLHttpRequest());
    const done = row.files.filter((one) => one.id).length;
    xhr.open("PUT", new URL(`v1/files/${file.cid}`, this.ui.el.base));
    xhr.withCredentials = true;
    xhr.responseType = "json";
    for (const [name, value] of Object.entries({ "Content-Type": file.type, "X-Name": encodeURIComponent(file.name), ...this.line.headers() })) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded, total }) => {
      row.progress = (done + (total ? loaded / total : 0)) / row.files.length;
      const li = this.#rows.get(row.cid);
      if (li) this.#meta(li);
    };
    xhr.onabort = () => (row.xhr = null);
    xhr.onerror = () => ((row.xhr = null), this.line.failed(row, "network"));
    xhr.onload = () => {
      row.xhr = null;
      const answer = xhr.response ?? {};
      if (xhr.status >= 200 && xhr.status < 300 && answer.id) {
        const { id, name = file.name, type = file.type, size: bytes = file.size, w = file.w, h: high = file.h } = answer;
        Object.assign(file, { id, name, type, size: bytes, w, h: high });
        return this.on_upload(row);
      }
      const codes = { 413: "too_big", 415: "type", 422: "blocked", 429: "rate", 507: "full" };
      this.line.failed(row, answer.code ?? codes[xhr.status] ?? "other", answer);
    };
    xhr.send(file.blob);
  }

  #download(event, entry, file) {
    if (Date.now() - (entry.heard ?? Date.now()) < RENEW) return;
    event.preventDefault();
    this.line.refresh(entry);
    const changed = this.on_changed;
    this.on_changed = (fresh) => {
      changed.call(this, fresh);
      if (fresh.seq !== entry.seq) return;
      delete this.on_changed;
      const now = fresh.files?.find((one) => one.name === file.name) ?? file;
      h("a", { href: this.ui.address(now.url), download: now.name ?? "", target: "_blank", rel: "noopener noreferrer" }).click();
    };
  }

  #view(source, alt) {
    const close = h("button", { type: "button", className: "tool", "aria-label": this.ui.t("close_picture") }, icon(ICONS.cross));
    const before = this.#focused;
    this.#viewer.replaceChildren(h("img", { src: source, alt }), close);
    this.#viewer.setAttribute("aria-label", alt);
    this.#viewer.onclose = () => (this.#viewer.replaceChildren(), before?.focus({ preventScroll: true }));
    this.#viewer.showModal();
  }

  // ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #key(event) {
    const { key, target } = event;
    if (event.isComposing || event.keyCode === 229) return;
    if (key === "Escape") return this.#escape(event);
    if (target === this.#input) return this.#inputKey(event);
    if (this.#menu.contains(target)) return this.#menuKey(event);
    if (this.#log.contains(target)) return this.#logKey(event);
  }

  #escape(event) {
    event.preventDefault();
    event.stopPropagation();
    const { target } = event;
    const article = target.closest?.("article");
    if (!this.#menu.hidden) this.#toggle(false);
    else if (article && article !== target) article.focus();
    else if (this.#log.contains(target)) (this.#input.hidden ? this.#fresh : this.#input).focus();
    else this.ui.el.close();
  }

  #inputKey(event) {
    const { key } = event;
    const touch = matchMedia("(hover: none) and (pointer: coarse)").matches;
    if (key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey && !touch) {
      event.preventDefault();
      if (!this.#composing) this.#submit();
    } else if (["PageUp", "PageDown"].includes(key) && !this.#input.value) {
      event.preventDefault();
      this.#scroll.scrollBy({ top: (key === "PageUp" ? -0.8 : 0.8) * this.#scroll.clientHeight });
    }
  }

  #menuKey(event) {
    const items = [...this.#menu.children];
    const at = items.indexOf(event.target);
    const next = { ArrowDown: (at + 1) % items.length, ArrowUp: (at - 1 + items.length) % items.length, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Tab") return this.#toggle(false);
    if (next === undefined) return;
    event.preventDefault();
    items[next].focus();
  }

  #logKey(event) {
    const { key, target } = event;
    const articles = [...this.#log.querySelectorAll("article")];
    const at = articles.indexOf(target.closest("article"));
    if (at >= 0 && target !== articles[at]) return; // inside a message its own controls have the keys
    const last = articles.length - 1;
    const to = { ArrowUp: at < 0 ? last : Math.max(0, at - 1), ArrowDown: at < 0 ? last : Math.min(last, at + 1), Home: 0, End: last }[key];
    if (to !== undefined && last >= 0) {
      event.preventDefault();
      articles[to].focus();
      articles[to].scrollIntoView({ block: "nearest" });
    } else if (key === "Enter" && at >= 0) {
      const inner = [...articles[at].querySelectorAll("a, button:not([aria-disabled])")];
      if (!inner.length) return;
      event.preventDefault();
      for (const one of inner) one.tabIndex = 0;
      this.#entered = () => inner.forEach((one) => (one.tabIndex = -1));
      inner[0].focus();
    } else if (["PageUp", "PageDown"].includes(key)) {
      event.preventDefault();
      this.#scroll.scrollBy({ top: (key === "PageUp" ? -0.8 : 0.8) * this.#scroll.clientHeight });
    }
  }
}
