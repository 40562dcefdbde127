/**
 * <convokit-chat>: the launcher, its badge, and the way to the panel, which is loaded when it is first wanted.
 *
 * Until the visitor opens the chat nothing is stored, no socket is opened and only the style and the words are fetched.
 */
const HERE = new URL(".", import.meta.url);
const TONGUES = ["ar", "de", "en", "es", "fr", "he", "hi", "tr"];
const RTL = /^(ar|dv|fa|he|ps|ur|yi)\b/;
const SVG = "http://www.w3.org/2000/svg";

/** An icon of 20 px from the path data of its strokes. */
export function icon(path, name = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", `icon ${name}`);
  svg.setAttribute("aria-hidden", "true");
  const drawn = svg.appendChild(document.createElementNS(SVG, "path"));
  drawn.setAttribute("d", path);
  return svg;
}

/** An element with properties, attributes (those with a "-", and "role", "part") and children; never markup. */
export function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key.includes("-") || ["role", "part", "for", "list"].includes(key)) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const channel = (value) => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** Give a host's own accent the better of white and near-black for what stands on it. */
function dress(root, host) {
  const own = getComputedStyle(host);
  const unset = !own.getPropertyValue("--ck-accent").trim() || own.getPropertyValue("--ck-on-accent").trim();
  root.style.removeProperty("--_on");
  if (unset) return;
  const probe = root.appendChild(h("i", { className: "probe" }));
  const parts = getComputedStyle(probe).color.match(/[\d.]+/g) ?? [];
  probe.remove();
  if (parts.length < 3) return;
  const light = parts.reduce((sum, part, at) => sum + channel(Number(part)) * ([0.2126, 0.7152, 0.0722][at] ?? 0), 0);
  const [white, black] = [1.05 / (light + 0.05), (light + 0.05) / 0.0561];
  root.style.setProperty("--_on", white >= black ? "#fff" : "#101413");
  if (Math.max(white, black) < 4.5) console.warn("convokit-chat: no text is readable on --ck-accent", parts.join(" "));
}

class ConvokitChat extends HTMLElement {
  static observedAttributes = ["open", "lang", "dir", "theme", "place", "mode"];

  #root;
  #panel;
  #words = {};
  #ready;
  #ui;

  connectedCallback() {
    if (!this.#root) this.#build();
    this.#look();
    document.addEventListener("keydown", this.#hotkey);
    if (this.hasAttribute("open")) this.#sync();
    else if (this.mode === "inline") this.open();
    else if (this.#known()) this.#load();
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#hotkey);
    this.#panel?.then((panel) => panel.leave());
  }

  attributeChangedCallback(name, before, now) {
    if (!this.#root || before === now) return;
    if (name === "open") this.#sync();
    else this.#look(name === "lang");
  }

  get mode() {
    return this.getAttribute("mode") === "inline" ? "inline" : "float";
  }

  /** Where the server is: the attribute `base`, else the folder above the one this file is in. */
  get base() {
    const named = this.getAttribute("base");
    return new URL(named ? named.replace(/\/?$/, "/") : "..", named ? document.baseURI : HERE).href;
  }

  async open() {
    this.toggleAttribute("open", true);
    await (await this.#load()).shown;
  }

  close() {
    if (this.mode !== "inline") this.removeAttribute("open");
  }

  /** Say a text for the visitor. */
  async send(text) {
    (await this.#load()).send(String(text));
  }

  /** Ask for a person. */
  async ask() {
    await this.open();
    (await this.#load()).ask();
  }

  /** Forget who is here, on the server and in every tab. */
  async signOut() {
    await (await this.#load()).signOut();
  }

  get #tongue() {
    const wanted = this.lang || this.closest("[lang]")?.lang || document.documentElement.lang || navigator.language;
    return wanted || "en";
  }

  #known() {
    try {
      return localStorage.getItem(`ck:${this.base}:${this.getAttribute("bot") ?? ""}:live`) !== null;
    } catch {
      return false; // storage is forbidden here: nobody is known
    }
  }

  #build() {
    const shadow = this.attachShadow({ mode: "open" });
    const style = h("link", { rel: "stylesheet", href: new URL("chat.css", HERE).href });
    if (HERE.origin !== location.origin) style.crossOrigin = "anonymous";
    const badge = h("span", { className: "badge", part: "badge", hidden: true });
    const face = h("span", { className: "face" }, icon("M3.5 9.5a6.2 6.2 0 0 1 6.5-6 6.2 6.2 0 0 1 6.5 6 6.2 6.2 0 0 1-6.5 6c-.9 0-1.8-.2-2.6-.5L4 16.5l.8-3a5.8 5.8 0 0 1-1.3-4Z"));
    const cross = icon("m5.5 7.5 4.5 4.5 4.5-4.5", "shut");
    const launcher = h("button", { className: "launcher", type: "button", part: "launcher", "aria-haspopup": "dialog", "aria-expanded": "false" }, face, cross, badge);
    const slot = h("slot", { name: "launcher" }, launcher);
    const outer = h("div", { className: "vh", role: "log", "aria-relevant": "additions" });
    const peek = h("div", { className: "peek", hidden: true });
    const root = h("div", { className: "ck", hidden: true }, slot, outer, peek);
    this.#root = root;
    this.#ready = new Promise((done) => {
      style.onload = style.onerror = () => {
        root.hidden = false;
        dress(root, this);
        done();
      };
    });
    slot.addEventListener("click", () => (this.hasAttribute("open") ? this.close() : this.open()));
    for (const kind of ["pointerenter", "focusin"]) slot.addEventListener(kind, () => import("./panel.js"), { once: true });
    this.#ui = {
      el: this, root, launcher, outer, badge, peek, face,
      styled: this.#ready,
      t: (key, values = {}) => this.#say(key, values),
      n: (key, count) => this.#say(`${key}_${this.#plural.select(count)}`, { n: count }, `${key}_other`),
      emit: (name, detail) => this.dispatchEvent(new CustomEvent(`ck-${name}`, { detail, bubbles: true, composed: true })),
      unread: (count) => this.#unread(count),
      dress: () => dress(root, this),
    };
    shadow.append(style, root);
    this.#speak();
  }

  get #plural() {
    return new Intl.PluralRules(this.#ui.lang);
  }

  #say(key, values, other = key) {
    const own = this.strings ?? {};
    const text = own[key] ?? own[other] ?? this.#words[key] ?? this.#words[other] ?? key;
    return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  }

  async #speak() {
    const [short] = this.#tongue.toLowerCase().split("-");
    const tongue = TONGUES.includes(short) ? short : "en";
    this.#ui.lang = tongue === short ? this.#tongue : "en";
    const asked = fetch(new URL(`locales/${tongue}.json`, HERE), { credentials: "omit" });
    this.#ui.spoken = asked.then((answer) => answer.json()).then(
      (words) => {
        this.#words = words;
        this.#ui.unread(this.#ui.count ?? 0);
        this.#ui.reword?.();
      },
      () => this.#ui.emit("error", { code: "strings", lang: tongue }),
    );
  }

  #look(words = false) {
    const root = this.#root;
    // The corner follows the page; what is written inside follows the language.
    const page = getComputedStyle(this.parentElement ?? document.documentElement).direction;
    root.dir = this.mode === "inline" ? "" : page;
    this.#ui.dir = this.dir || (this.lang ? (RTL.test(this.lang) ? "rtl" : "ltr") : page);
    this.#ui.peek.dir = this.#ui.dir;
    root.dataset.theme = this.getAttribute("theme") ?? "auto";
    root.dataset.place = this.getAttribute("place") ?? "end";
    root.dataset.mode = this.mode;
    if (!root.hidden) dress(root, this);
    if (words) this.#speak();
    this.#ui.reword?.();
  }

  #unread(count) {
    const { badge, launcher, emit, t, n } = this.#ui;
    const changed = count !== (this.#ui.count ?? 0);
    this.#ui.count = count;
    badge.hidden = !count;
    badge.textContent = count > 9 ? "9+" : String(count || "");
    const name = t(this.hasAttribute("open") ? "hide" : "show");
    launcher.setAttribute("aria-label", count ? `${name}, ${n("unread", count)}` : name);
    if (changed) emit("unread", { n: count });
  }

  #load() {
    this.#panel ??= Promise.all([import("./panel.js"), this.#ready, this.#ui.spoken]).then(([panel]) => panel.mount(this.#ui));
    return this.#panel.catch((problem) => {
      this.#panel = undefined;
      this.#ui.emit("error", { code: "load" });
      throw problem;
    });
  }

  async #sync() {
    const open = this.hasAttribute("open");
    // Taken now: by the time the panel is there, the press that asked for it is long over.
    const asked = navigator.userActivation?.isActive ?? true;
    this.#ui.launcher.setAttribute("aria-expanded", String(open));
    this.#unread(this.#ui.count ?? 0);
    const panel = await this.#load();
    if (open === this.hasAttribute("open")) panel[open ? "open" : "close"](asked);
  }

  #hotkey = (event) => {
    const wanted = this.getAttribute("hotkey")?.toLowerCase().split("+");
    if (!wanted || event.key.toLowerCase() !== wanted.at(-1)) return;
    if (["ctrl", "alt", "shift", "meta"].some((one) => event[`${one}Key`] !== wanted.includes(one))) return;
    event.preventDefault();
    this.toggleAttribute("open");
  };
}

customElements.get("convokit-chat") ?? customElements.define("convokit-chat", ConvokitChat);
