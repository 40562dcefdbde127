/** What is said, as DOM: text with safe links, a little Markdown, pictures, files, cards and places. Nothing is parsed as HTML. */
import { h, icon } from "./loader.js";

export const ICONS = {
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  down: "m5 8 5 5 5-5",
  cross: "m5.5 5.5 9 9m0-9-9 9",
  clip: "m16.2 9-6.4 6.400a3.9 3.9 0 0 1-5.5-5.500L10.8 3.400a2.6 2.6 0 0 1 3.7 3.700l-6.3 6.300a1.3 1.3 0 0 1-1.9-1.900L12 5.9",
  send: "M10 16V4.5M5 9.5l5-5 5 5",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  file: "M11.5 3h-6v14h9V6zM11.5 3v3h3",
  save: "M10 3.5v9m-4-3.5 4 4 4-4M4 16.5h12",
  pin: "M10 17.5c3-3.6 5-6.3 5-9a5 5 0 0 0-10 0c0 2.7 2 5.4 5 9ZM10 10.200a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.400Z",
  back: "m12 5-5 5 5 5",
  next: "m8 5 5 5-5 5",
  bell: "M5 13.500V9a5 5 0 0 1 10 0v4.500l1 1.500H4zM8.5 17h3",
  mute: "M5 13.500V9a5 5 0 0 1 7.5-4.300M15 9v4.500l1 1.500H6.500M8.5 17h3M3.5 3.500l13 13",
  person: "M10 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM4 17c.5-3 3-4.5 6-4.500s5.5 1.5 6 4.5",
  end: "M4 4h8v12H4M9 10h8m-2.5-2.500L17 10l-2.5 2.5",
  star: "m10 3.5 2 4.2 4.6.6-3.4 3.2.9 4.5-4.1-2.200L5.9 16l.9-4.500L3.4 8.300l4.6-.6z",
};

const SCHEMES = new Set(["https:", "http:", "mailto:", "tel:"]);

/** The address, if it is one that may be followed; null for `javascript:` and all else. */
export function safe(address, base = document.baseURI) {
  try {
    const url = new URL(address, base);
    return SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null; // no address at all
  }
}

export function link(address, text, properties = {}) {
  const href = safe(address);
  if (!href) return document.createTextNode(text);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow", ...properties }, text);
}

const FOUND = /\b(?:https?:\/\/|www\.)[^\s<>"'“”‘’`]+|[\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,6}/gi;

/** A text's nodes, with what looks like an address of the web or of mail made a link. */
export function linked(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(FOUND)) {
    let word = found[0].replace(/[.,;:!?…*_~\]}]+$/, "");
    // A closing bracket belongs to the address only if it was opened in it.
    while (word.endsWith(")") && word.split(")").length > word.split("(").length) word = word.slice(0, -1);
    const mail = !/^(https?:|www\.)/i.test(word);
    const href = mail ? `mailto:${word}` : word.replace(/^www\./i, "https://www.");
    if (found.index > from) nodes.push(text.slice(from, found.index));
    nodes.push(h("bdi", {}, link(href, word)));
    from = found.index + word.length;
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}

const INLINE = /`([^`\n]+)`|\*\*([^\n]+?)\*\*|(?<![\w*])[*_]([^\s*_][^*_\n]*)[*_](?!\w)|\[([^\]\n]+)\]\(([^()\s]+)\)/g;

function inline(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    nodes.push(...linked(text.slice(from, found.index)));
    const [whole, code, strong, em, label, address] = found;
    if (code !== undefined) nodes.push(h("code", {}, code));
    else if (strong !== undefined) nodes.push(h("strong", {}, ...inline(strong)));
    else if (em !== undefined) nodes.push(h("em", {}, ...inline(em)));
    else nodes.push(link(/^[a-z]+:/i.test(address) ? address : "x:", label));
    from = found.index + whole.length;
  }
  nodes.push(...linked(text.slice(from)));
  return nodes;
}

const withBreaks = (lines) => lines.flatMap((line, at) => (at ? [h("br"), ...inline(line)] : inline(line)));

/** The whitelist's Markdown: p, br, strong, em, code, pre, ul, ol, li, a. All else stays the text that it is. */
export function markdown(text) {
  const blocks = [];
  const parts = text.replace(/\r\n?/g, "\n").split(/^```[^\n]*\n([\s\S]*?)^```[ \t]*$/m);
  parts.forEach((part, at) => {
    if (at % 2) return blocks.push(h("pre", {}, h("code", {}, part.replace(/\n$/, ""))));
    for (const block of part.split(/\n{2,}/)) {
      let lines = [];
      let list = null;
      const flush = () => {
        if (lines.length) blocks.push(h("p", {}, ...withBreaks(lines)));
        lines = [];
      };
      for (const line of block.split("\n").filter((one) => one.trim())) {
        const item = /^\s{0,3}(?:([-*+])|(\d{1,3})[.)])\s+(.*)$/.exec(line);
        if (!item) {
          list = null;
          lines.push(line);
          continue;
        }
        flush();
        const tag = item[1] ? "ul" : "ol";
        if (list?.localName !== tag) {
          list = h(tag, tag === "ol" ? { start: Number(item[2]) } : {});
          blocks.push(list);
        }
        list.append(h("li", {}, ...inline(item[3])));
      }
      flush();
    }
  });
  return blocks;
}

export function size(bytes, lang) {
  const steps = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  const form = { style: "unit", unit: steps[step], unitDisplay: "short", maximumFractionDigits: step > 1 ? 1 : 0 };
  return new Intl.NumberFormat(lang, form).format(bytes / 1000 ** step);
}

export const pictured = (file) => (file.kind ?? "").startsWith("image") || /^image\/(png|jpeg|gif|webp|avif)$/.test(file.type ?? "");

/** A place: as a link to the device's own map program, or to a map on the web. No picture of a map is fetched. */
function place({ lat, lon, title }, t) {
  const at = `${Number(lat)},${Number(lon)}`;
  const device = navigator.userAgent;
  let href = `https://www.openstreetmap.org/?mlat=${Number(lat)}&mlon=${Number(lon)}#map=16/${at.replace(",", "/")}`;
  if (/Android/.test(device)) href = `geo:${at}?q=${at}${title ? `(${encodeURIComponent(title)})` : ""}`;
  else if (/iPhone|iPad|Macintosh/.test(device)) href = `https://maps.apple.com/?ll=${at}&q=${encodeURIComponent(title || at)}`;
  const words = h("span", {}, h("b", {}, h("bdi", {}, title || t("place"))), h("small", {}, t("open_map")));
  return h("a", { className: "file place", href, target: "_blank", rel: "noopener noreferrer nofollow" }, icon(ICONS.pin), words);
}

function picture(file, ui, entry) {
  const image = h("img", { alt: file.alt || file.name || ui.t("picture"), decoding: "async", draggable: false });
  if (file.w > 0 && file.h > 0) {
    [image.width, image.height] = [file.w, file.h];
    image.style.aspectRatio = `${file.w} / ${file.h}`;
  }
  const button = h("button", { type: "button", className: "picture", "aria-label": `${ui.t("enlarge")}: ${image.alt}` }, image);
  image.onerror = () => {
    button.classList.add("broken");
    ui.renew(entry);
  };
  image.src = file.local ?? ui.address(file.url);
  button.onclick = () => ui.view(image.src, image.alt);
  return button;
}

function attached(file, ui, entry) {
  const words = h("span", {}, h("b", {}, h("bdi", {}, file.name || ui.t("file"))), file.size ? h("small", {}, size(file.size, ui.lang)) : null);
  if (file.local) return h("span", { className: "file" }, icon(ICONS.file), words);
  const made = h("a", { className: "file", href: ui.address(file.url), target: "_blank", rel: "noopener noreferrer nofollow", download: file.name || "" }, icon(ICONS.file), words, icon(ICONS.save));
  made.onclick = (event) => ui.follow(event, entry, file);
  return made;
}

function card(one, entry, ui) {
  const made = h("li", { className: "card" });
  const image = typeof one.image === "string" ? { url: one.image } : one.image;
  if (image?.url) {
    const shown = h("img", { alt: image.alt ?? "", loading: "lazy", decoding: "async", src: ui.address(image.url) });
    if (image.w > 0 && image.h > 0) [shown.width, shown.height] = [image.w, image.h];
    made.append(shown);
  }
  const words = h("div", { className: "words" }, h("b", { dir: "auto" }, one.title ?? ""));
  if (one.subtitle) words.append(h("p", { dir: "auto" }, ...linked(one.subtitle)));
  made.append(words);
  for (const button of one.buttons ?? []) made.append(pressable(button, entry, ui));
  return made;
}

/** A button of a message: a link where it has an address, else a choice that is sent. */
export function pressable(button, entry, ui, used = false) {
  if (button.url) {
    const href = safe(button.url);
    if (!href) return h("span", { className: "choice", part: "choice", dir: "auto" }, button.label);
    return h("a", { className: "choice", part: "choice", dir: "auto", href, target: "_blank", rel: "noopener noreferrer nofollow" }, button.label);
  }
  const made = h("button", { type: "button", className: "choice", part: "choice", dir: "auto", "aria-disabled": used ? "true" : null }, button.label);
  made.onclick = (event) => made.getAttribute("aria-disabled") || ui.choose(entry, button, event);
  return made;
}

function carousel(cards, entry, ui) {
  const list = h("ul", { className: "cards", tabIndex: 0, "aria-label": ui.n("cards", cards.length) }, ...cards.map((one) => card(one, entry, ui)));
  if (cards.length < 2) return list;
  const step = (way) => {
    const forward = way * (getComputedStyle(list).direction === "rtl" ? -1 : 1);
    list.scrollBy({ left: forward * (list.firstChild.offsetWidth + 8), behavior: ui.still() ? "auto" : "smooth" });
  };
  list.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key) || event.target !== list) return;
    event.preventDefault();
    const rtl = getComputedStyle(list).direction === "rtl";
    step((event.key === "ArrowRight") === rtl ? -1 : 1);
  });
  const arrow = (way, name, path) => h("button", { type: "button", className: "tool", "aria-label": ui.t(name), onclick: () => step(way) }, icon(path, "turn"));
  return h("div", { className: "carousel" }, list, h("div", { className: "steps" }, arrow(-1, "card_before", ICONS.back), arrow(1, "card_after", ICONS.next)));
}

/** The parts of something said, in the order in which they are read. */
export function spoken(entry, ui) {
  const role = entry.by?.role ?? "visitor";
  const parts = [];
  if (entry.text) {
    const marked = entry.format === "markdown" && role !== "visitor";
    // The direction is the text's, the bubble's corner is the panel's: two elements.
    const words = h("div", { className: "words", dir: "auto" }, ...(marked ? markdown(entry.text) : linked(entry.text)));
    parts.push(h("div", { className: "bubble", part: `bubble bubble-${role}` }, words));
  }
  for (const file of entry.files ?? []) parts.push(pictured(file) && (file.local || file.url) ? picture(file, ui, entry) : attached(file, ui, entry));
  if (entry.location) parts.push(place(entry.location, ui.t));
  if (entry.cards?.length) parts.push(carousel(entry.cards, entry, ui));
  const links = (entry.buttons ?? []).filter((button) => button.url);
  if (links.length) parts.push(h("div", { className: "options" }, ...links.map((button) => pressable(button, entry, ui))));
  return parts;
}

/** What was said as one plain line, for announcers, previews and transcripts. */
export function plainly(entry, ui) {
  const parts = [entry.text, entry.choice?.label];
  for (const file of entry.files ?? []) parts.push(`${pictured(file) ? ui.t("picture") : ui.t("file")}: ${file.alt || file.name || ""}`.replace(/: $/, ""));
  for (const one of entry.cards ?? []) parts.push([one.title, one.subtitle].filter(Boolean).join(", "));
  if (entry.location) parts.push(entry.location.title || ui.t("place"));
  return parts.filter(Boolean).join(" · ");
}
