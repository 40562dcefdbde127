// Building the page. Nothing here takes markup: text becomes text nodes, whoever wrote it.
const SVG = "http://www.w3.org/2000/svg";

/** An element. `on` holds listeners, `data` its data attributes; null, undefined and false leave an attribute out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [kind, heard] of Object.entries(value)) element.addEventListener(kind, heard);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "text") element.textContent = value;
    else if (name === "value" || name === "checked" || name === "disabled" || name === "hidden") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter(Boolean));
  return element;
}

const PATHS = {
  back: "M12 4 6 10l6 6",
  close: "M5 5l10 10M15 5 5 15",
  search: "M9 3.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM13 13l4 4",
  file: "M14.5 9.5l-5 5a3 3 0 0 1-4.2-4.2l5.9-5.9a2 2 0 0 1 2.8 2.8l-5.9 5.9a1 1 0 0 1-1.4-1.4l5-5",
  answers: "M11.5 4l-3 12M4 6.5h3M13 13.5h3",
  details: "M3.5 4.5h13v11h-13zM12 4.5v11",
  settings: "M4 6h7M15 6h1M4 14h1M9 14h7M13 4v4M7 12v4",
  keys: "M3 6h14v8.5H3zM6 9h.01M9 9h.01M12 9h.01M14.5 9h.01M6.5 12h7",
  bell: "M5.5 13.5V9a4.5 4.5 0 0 1 9 0v4.5l1 1h-11zM8.5 16.5h3",
  mute: "M5.5 13.5V9a4.5 4.5 0 0 1 9 0v4.5l1 1h-11zM8.5 16.5h3M4 3l12 14",
  down: "M10 4v12M5 11l5 5 5-5",
  send: "M3 10h13M11 5l5 5-5 5",
  place: "M10 17s5-5 5-9a5 5 0 0 0-10 0c0 4 5 9 5 9zM10 9.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z",
  plus: "M10 4v12M4 10h12",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  leave: "M8 4H4v12h4M8 10h9M13 6l4 4-4 4",
  lead: "M4 16V9M8 16V5M12 16v-5M16 16V8",
};

/** A line drawing of 20 px, hidden from readers of the page: its button has the name. */
export function icon(name, className = "") {
  return svg("svg", { class: `icon ${className}`, viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: PATHS[name] }));
}

/** A button with words, or with an icon alone (`label` is its name then). `key` is told in its tooltip. */
export function button({ text, label, sign, key, kind = "", press, ...rest }) {
  const name = label ?? text;
  return h("button", {
    type: "button", class: kind, title: key ? `${name} (${key})` : text ? null : name,
    "aria-label": text ? null : name, "aria-keyshortcuts": key && key.length === 1 ? key : null,
    on: { click: press }, ...rest,
  }, sign && icon(sign), text !== undefined && h("span", { text }));
}

const SAFE = /^(https?:|mailto:|tel:)/i;

/** A link's address when it leads where links may lead, else null. */
export function safe(address) {
  try {
    const url = new URL(address);
    return SAFE.test(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function link(address, text, className = "") {
  return h("a", { href: address, class: className, target: "_blank", rel: "noopener noreferrer nofollow", dir: "auto", text });
}

/** Text in which addresses can be pressed. */
export function linked(text) {
  const found = document.createDocumentFragment();
  let at = 0;
  for (const match of text.matchAll(/\b(?:https?:\/\/|mailto:|tel:)[^\s<>"']+/gi)) {
    const written = match[0].replace(/[.,;:!?)\]]+$/, "");
    const address = safe(written);
    if (!address) continue;
    found.append(text.slice(at, match.index), link(address, written));
    at = match.index + written.length;
  }
  found.append(text.slice(at));
  return found;
}

/** Say something to readers of the page, once; what is said stays a second, since some readers lose shorter lines. */
export function announce(text) {
  const log = document.getElementById("announcer");
  if (!log) return;
  const said = h("div", { text });
  log.append(said);
  setTimeout(() => said.remove(), 1000);
}

/** A note at the edge that goes by itself; returns what takes it away. */
export function toast(text, { action, press, seconds = 6, count = false } = {}) {
  const left = count ? h("span", { class: "count", text: String(seconds), "aria-hidden": "true" }) : null;
  const shown = h("div", { class: "toast" }, h("span", { dir: "auto", text }), left);
  let ticking;
  const gone = () => {
    clearInterval(ticking);
    shown.remove();
  };
  if (action) shown.append(button({ text: action, kind: "plain", press: () => { gone(); press(); } }));
  document.getElementById("toasts").append(shown);
  const end = Date.now() + seconds * 1000;
  ticking = setInterval(() => {
    const rest = Math.ceil((end - Date.now()) / 1000);
    if (left) left.textContent = String(Math.max(0, rest));
    if (rest <= 0) gone();
  }, 250);
  return gone;
}

/** Open a dialog; it is removed when it closes, and the focus goes back to where it was. */
export function dialog(title, ...content) {
  const before = document.activeElement;
  const heading = h("h2", { id: `dialog-${Math.random().toString(36).slice(2)}`, text: title });
  const opened = h("dialog", { class: "dialog", "aria-labelledby": heading.id }, heading, ...content);
  opened.addEventListener("close", () => {
    opened.remove();
    if (before?.isConnected) before.focus();
  });
  opened.addEventListener("click", (event) => {
    if (event.target === opened) opened.close();
  });
  document.body.append(opened);
  opened.showModal();
  return opened;
}

/** Copy text; where the browser refuses, it is selected for the person to copy. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Storage that may be missing, full or forbidden: what it cannot keep is kept in memory until the page goes. */
const memory = new Map();
export const kept = {
  get(key) {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? memory.get(key) ?? null;
    } catch {
      return memory.get(key) ?? null;
    }
  },
  set(key, value) {
    memory.set(key, value);
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(value));
    } catch { /* memory has it */ }
    if (value === null) memory.delete(key);
  },
};

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
}
