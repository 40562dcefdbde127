// The lead's view: six small figures, each with one idea and its last value in words, and what is overdue.
import { button, h, svg } from "./dom.js";
import { clock, many, number, span, t } from "./words.js";

const W = 320;
const H = 96;
const FEW = 10; // below this many cases the cases are shown, not a percentile of them

const x = (value, from, to, left, right) => (to === from ? left : left + ((value - from) / (to - from)) * (right - left));
const y = (value, most, top = 8, bottom = H - 20) => bottom - (most ? value / most : 0) * (bottom - top);
const words = (at, place, text, more = {}) => svg("text", { x: at, y: place, class: "mark-text", ...more }, document.createTextNode(text));

function frame(name, ...content) {
  return framed(W, name, ...content);
}

function framed(wide, name, ...content) {
  return svg("svg", { class: "plot", viewBox: `0 0 ${wide} ${H}`, width: wide, height: H, role: "img", "aria-label": name, preserveAspectRatio: "xMinYMid meet" }, ...content);
}

/** A line with its last value, and a dotted target. */
export function linePlot(name, points, { target = null, look = "warn", wide = W } = {}) {
  if (!points.length) return frame(name);
  const times = points.map(([at]) => Date.parse(at));
  const from = times[0];
  const to = times.at(-1);
  const most = Math.max(1, target ?? 0, ...points.map(([, n]) => n));
  const place = points.map(([, n], at) => [x(times[at], from, to, 4, wide - 40), y(n, most)]);
  const last = place.at(-1);
  return framed(wide, name,
    target !== null && svg("line", { class: "target", x1: 4, x2: wide - 4, y1: y(target, most), y2: y(target, most) }),
    svg("path", { class: `curve ${look}`, d: place.map(([a, b], at) => `${at ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("") }),
    svg("circle", { class: `end ${look}`, cx: last[0], cy: last[1], r: 3 }),
    words(last[0] + 8, last[1] + 5, number(points.at(-1)[1]), { class: "mark-text strong" }),
    words(4, H - 4, clock(points[0][0])), words(wide - 40, H - 4, clock(points.at(-1)[0]), { "text-anchor": "end" }));
}

function replyPlot(name, { count = 0, p50, p90, points = [], cases = [] }) {
  const values = count < FEW ? (cases.length ? cases : points.map(([, s]) => s)) : points.map(([, s]) => s);
  if (!values.length) return frame(name);
  const most = Math.max(p90 ?? 0, ...values, 1);
  const left = 4;
  const right = W - 44;
  if (count < FEW) {
    return frame(name, svg("line", { class: "axis", x1: left, x2: right, y1: 52, y2: 52 }),
      ...values.map((one) => svg("circle", { class: "case", cx: x(one, 0, most, left, right), cy: 52, r: 4 })),
      words(left, H - 4, span(0)), words(right, H - 4, span(most), { "text-anchor": "end" }));
  }
  const times = points.map(([at]) => Date.parse(at));
  return frame(name,
    ...points.map(([, s], at) => svg("circle", { class: "case", cx: x(times[at], times[0], times.at(-1), left, right), cy: y(s, most), r: 3.5 })),
    p90 !== undefined && p90 !== null && svg("line", { class: "tick", x1: right + 4, x2: right + 14, y1: y(p90, most), y2: y(p90, most) }),
    p90 !== undefined && p90 !== null && words(right + 18, y(p90, most) + 5, "p90"),
    p50 !== undefined && p50 !== null && svg("line", { class: "tick strong", x1: right + 4, x2: right + 14, y1: y(p50, most), y2: y(p50, most) }),
    p50 !== undefined && p50 !== null && (p90 === undefined || p90 === null || y(p50, most) - y(p90, most) > 16) && words(right + 18, y(p50, most) + 5, "p50"),
    points.length > 0 && words(left, H - 4, clock(points[0][0])), points.length > 0 && words(right, H - 4, clock(points.at(-1)[0]), { "text-anchor": "end" }));
}

function outcomePlot(name, parts) {
  const whole = parts.reduce((sum, one) => sum + one.n, 0);
  if (!whole) return frame(name);
  let at = 0;
  const bars = [];
  for (const { n, look } of parts) {
    const wide = (n / whole) * W;
    if (n) bars.push(svg("rect", { class: `bar ${look}`, x: at, y: 20, width: Math.max(1, wide - 2), height: 22, rx: 2 }));
    at += wide;
  }
  // Named below in the order of the bar, each at its own place: no legend to look up.
  const labels = parts.map(({ n, word }, place) => words([0, W / 2, W][place], 64, `${number(n)} ${word}`, { "text-anchor": ["start", "middle", "end"][place] }));
  return frame(name, ...bars, ...labels);
}

function arrivalPlot(name, hours) {
  if (!hours.length) return frame(name);
  const most = Math.max(1, ...hours.map((one) => Math.max(one.n ?? 0, one.staffed ?? 0)));
  const wide = (W - 44) / hours.length;
  const step = hours.map((one, at) => {
    const level = y(one.staffed ?? 0, most).toFixed(1);
    return `${at ? "L" : "M"}${(4 + at * wide).toFixed(1)} ${level}L${(4 + (at + 1) * wide).toFixed(1)} ${level}`;
  }).join("");
  const last = hours.at(-1);
  return frame(name,
    ...hours.map((one, at) => svg("rect", { class: "bar bot", x: 4 + at * wide + 1, y: y(one.n ?? 0, most), width: Math.max(1, wide - 2), height: H - 20 - y(one.n ?? 0, most) })),
    hours.some((one) => one.staffed !== undefined && one.staffed !== null) && svg("path", { class: "curve accent", d: step }),
    last.staffed !== undefined && last.staffed !== null && words(W - 36, y(last.staffed, most) + 5, number(last.staffed), { class: "mark-text strong" }),
    words(4, H - 4, clock(hours[0].hour)), words(W - 40, H - 4, clock(last.hour), { "text-anchor": "end" }));
}

export class Lead {
  window = "day";
  tables = false;
  figures = null;
  #etag = null;
  #timer = 0;
  #shown = false;

  constructor(inbox, { go, assign, operator }) {
    this.inbox = inbox;
    Object.assign(this, { go, assign, operator });
    const choice = (name) => h("button", { type: "button", role: "radio", data: { window: name }, on: { click: () => this.#choose(name) }, text: t(`lead.${name}`) });
    this.windows = h("div", { class: "modes", role: "radiogroup", "aria-label": t("lead.window"), on: { keydown: (event) => {
      if (!event.key.startsWith("Arrow")) return;
      event.preventDefault();
      this.#choose(this.window === "day" ? "week" : "day");
      this.windows.querySelector("[aria-checked=true]").focus();
    } } }, choice("day"), choice("week"));
    this.toggle = button({ text: t("lead.tables"), press: () => { this.tables = !this.tables; this.draw(); } });
    this.grid = h("div", { class: "figures" });
    this.late = h("section", { class: "late" });
    this.told = h("p", { class: "told", role: "status" });
    this.element = h("main", { class: "lead", id: "lead", "aria-label": t("lead"), tabindex: "-1" },
      h("header", { class: "lead-head" }, button({ sign: "back", label: t("thread.back"), kind: "icon-button", press: () => go("#/mine") }), h("h1", { class: "title", text: t("lead") }), this.windows, this.toggle),
      this.told, this.grid, this.late);
  }

  #choose(name) {
    this.window = name;
    this.#etag = null;
    this.draw();
    this.read();
  }

  show(shown) {
    this.#shown = shown;
    clearInterval(this.#timer);
    if (!shown) return;
    this.draw();
    this.read();
    this.#timer = setInterval(() => this.read(), 15_000);
  }

  async read() {
    if (!this.inbox.lead) return;
    try {
      const answer = await fetch(new URL(`v1/metrics?window=${this.window}`, this.inbox.base), {
        credentials: "same-origin", cache: "no-store", headers: this.#etag ? { "If-None-Match": this.#etag } : {},
      });
      if (answer.status === 304) return;
      if (!answer.ok) throw new Error(String(answer.status));
      this.#etag = answer.headers.get("ETag");
      this.figures = await answer.json();
      this.told.textContent = "";
    } catch {
      this.told.textContent = t("lead.unread");
      return;
    }
    this.draw();
    this.inbox.tell("figures", this.figures);
  }

  /** The first figure alone, for the pane beside a conversation. */
  small() {
    const points = this.figures?.waiting?.points ?? [];
    if (points.length < 2) return null;
    return h("section", {}, h("h2", { text: t("lead.waiting") }), linePlot(many("waiting", this.figures.waiting.now ?? 0), points, { target: this.figures.waiting.target ?? null, wide: 268 }));
  }

  draw() {
    if (!this.#shown) return;
    for (const one of this.windows.children) {
      const on = one.dataset.window === this.window;
      one.setAttribute("aria-checked", String(on));
      one.tabIndex = on ? 0 : -1;
    }
    this.toggle.setAttribute("aria-pressed", String(this.tables));
    const f = this.figures;
    const nothing = !f || !(f.operators?.length || f.outcomes || f.arrivals?.length || f.waiting?.points?.length);
    if (nothing) {
      this.grid.replaceChildren(h("p", { class: "empty", text: this.inbox.lead ? t("lead.empty") : t("lead.forbidden") }));
      this.late.replaceChildren();
      return;
    }
    const waiting = f.waiting ?? {};
    const reply = f.first_reply ?? {};
    const outcomes = f.outcomes ?? {};
    const sum = (outcomes.bot ?? 0) + (outcomes.person ?? 0) + (outcomes.left ?? 0);
    const hours = f.arrivals ?? [];
    const waits = many("waiting", waiting.now ?? 0);
    const longest = f.longest;
    const wait = longest ? span((Date.parse(f.now ?? new Date(this.inbox.now()).toISOString()) - Date.parse(longest.since)) / 1000) : null;
    const few = (reply.count ?? 0) < FEW;
    const replyWords = reply.count ? few ? many("lead.replies", reply.count) : t("lead.median", { time: span(reply.p50) }) : t("lead.none");
    const parts = [
      { n: outcomes.bot ?? 0, look: "bot", word: t("lead.by.bot") }, { n: outcomes.person ?? 0, look: "accent", word: t("lead.by.person") }, { n: outcomes.left ?? 0, look: "warn", word: t("lead.left") },
    ];
    const had = document.activeElement?.dataset?.press;
    this.grid.replaceChildren(
      this.#figure(t("lead.waiting"), waits, () => linePlot(waits, waiting.points ?? [], { target: waiting.target ?? null }),
        [t("lead.time"), t("lead.number")], (waiting.points ?? []).map(([at, n]) => [clock(at), number(n)])),
      this.#figure(t("lead.longest"), wait ?? t("empty.queue"), () => (longest
        ? h("button", { type: "button", class: "figure-link", data: { press: "longest" }, on: { click: () => this.go(`#/c/${encodeURIComponent(longest.conv)}`) } }, h("bdi", { dir: "auto", text: longest.name || t("visitor") }))
        : null), [t("lead.who"), t("lead.waited")], longest ? [[longest.name, wait]] : []),
      this.#figure(t("lead.first"), replyWords, () => replyPlot(replyWords, reply),
        few ? [t("lead.case"), t("lead.time")] : [t("lead.time"), t("lead.reply")],
        few ? (reply.cases ?? []).map((one, at) => [number(at + 1), span(one)]) : (reply.points ?? []).map(([at, s]) => [clock(at), span(s)])),
      this.#figure(t("lead.operators"), many("lead.people", (f.operators ?? []).filter((one) => one.status === "available" && one.connected !== false).length), () => this.#operators(f.operators ?? []),
        [t("lead.who"), t("lead.open"), t("lead.closed"), t("lead.status")], (f.operators ?? []).map((one) => [one.name, load(one), number(one.closed ?? 0), one.connected === false ? t("status.gone") : t(`status.${one.status}`)])),
      this.#figure(t("lead.outcomes"), many("lead.ended", sum), () => outcomePlot(parts.map(({ n, word }) => `${number(n)} ${word}`).join(", "), parts),
        [t("lead.how"), t("lead.number")], parts.map(({ n, word }) => [word, number(n)])),
      this.#figure(t("lead.arrivals"), many("lead.came", hours.reduce((all, one) => all + (one.n ?? 0), 0)), () => arrivalPlot(t("lead.arrivals.told"), hours),
        [t("lead.time"), t("lead.number"), t("lead.staffed")], hours.map((one) => [clock(one.hour), number(one.n ?? 0), one.staffed === null || one.staffed === undefined ? "" : number(one.staffed)])));
    this.#overdue(f.overdue ?? []);
    if (had) this.element.querySelector(`[data-press="${CSS.escape(had)}"]`)?.focus();
  }

  #figure(title, value, plot, heads, rows) {
    return h("section", { class: "figure", "aria-label": title }, h("h2", { text: title }), h("p", { class: "value", text: value }),
      this.tables ? table(heads, rows) : h("div", { class: "plot-box" }, plot()));
  }

  #operators(people) {
    return h("ul", { class: "people" }, people.map((one) => {
      const share = one.max ? Math.min(1, (one.open ?? 0) / one.max) : 0;
      return h("li", {}, h("button", { type: "button", class: "person-row", data: { press: one.id }, on: { click: () => this.operator(one) } },
        h("bdi", { class: "person-name", dir: "auto", text: one.name }),
        svg("svg", { class: "load", viewBox: "0 0 100 8", "aria-hidden": "true", preserveAspectRatio: "none" },
          svg("rect", { class: "bar edge", x: 0, y: 0, width: 100, height: 8, rx: 2 }), svg("rect", { class: "bar accent", x: 0, y: 0, width: (share * 100).toFixed(1), height: 8, rx: 2 })),
        h("span", { class: "load-words", text: load(one) }),
        h("span", { class: "pill", data: { look: one.connected === false ? "danger" : one.status === "available" ? "ok" : "plain" }, text: one.connected === false ? t("status.gone") : t(`status.${one.status}`) })));
    }));
  }

  #overdue(rows) {
    this.late.replaceChildren(h("h2", { text: t("lead.overdue") }));
    if (!rows.length) {
      this.late.append(h("p", { class: "faint", text: t("lead.nothing") }));
      return;
    }
    const now = this.inbox.now();
    this.late.append(h("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": t("lead.overdue") }, h("table", {}, h("thead", {}, h("tr", {}, [t("lead.who"), t("lead.late"), t("lead.clock"), t("details.queue"), t("details.owner"), ""].map((one) => (one ? h("th", { scope: "col", text: one }) : h("td"))))),
      h("tbody", {}, rows.map((one) => h("tr", {},
        h("th", { scope: "row" }, h("a", { href: `#/c/${encodeURIComponent(one.conv)}` }, h("bdi", { dir: "auto", text: one.name || t("visitor") }))),
        h("td", {}, h("span", { class: "pill", data: { look: "danger" }, text: t("due.over", { time: span((now - Date.parse(one.due_at)) / 1000) }) })),
        h("td", { text: t(`due.${one.due ?? "first"}`) }), h("td", {}, h("bdi", { text: one.queue || t("queue.any") })), h("td", {}, h("bdi", { text: one.owner?.name ?? "" })),
        h("td", {}, button({ text: t("assign"), label: t("assign"), press: () => this.assign(one), "aria-label": `${t("assign")}: ${one.name || t("visitor")}`, data: { press: `assign ${one.conv}` } }))))))));
  }
}

const load = (one) => (one.max ? t("load", { open: number(one.open ?? 0), max: number(one.max) }) : number(one.open ?? 0));

function table(heads, rows) {
  if (!rows.length) return h("p", { class: "faint", text: t("lead.none") });
  return h("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": heads.join(", ") }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((one) => h("th", { scope: "col", text: one })))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((one, at) => h(at ? "td" : "th", at ? {} : { scope: "row" }, h("bdi", { text: one }))))))));
}
