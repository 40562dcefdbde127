// The words of the page, in the reader's language, and how times and numbers are written.
const SHIPPED = ["en", "ar", "de", "es", "fr", "he"];
const RTL = new Set(["ar", "he"]);

let words = {};
let english = {};
let rules = new Intl.PluralRules("en");
let clocks;
let days;
let dates;

/** The word for a key with its `{places}` filled; a key that no language has is returned as it is. */
export function t(key, places) {
  const text = words[key] ?? english[key] ?? key;
  return places ? text.replace(/\{(\w+)\}/g, (all, name) => (name in places ? String(places[name]) : all)) : text;
}
t.locale = "en";
t.dir = "ltr";

/** As `t`, in the form that the language wants for `n`: keys end in ".one", ".other", …; `{n}` is the number. */
export function many(key, n, places) {
  const form = `${key}.${rules.select(n)}`;
  const found = form in words || form in english ? form : `${key}.other`;
  return t(found, { n: number(n), ...places });
}

/** Read the words for the first of the wanted languages that is shipped. */
export async function load(wanted = navigator.languages ?? [navigator.language]) {
  const asked = new URLSearchParams(location.search).get("lang");
  const locale = [asked, ...wanted].filter(Boolean).map((one) => one.toLowerCase().split("-")[0])
    .find((one) => SHIPPED.includes(one)) ?? "en";
  const read = async (name) => (await fetch(new URL(`locales/${name}.json`, import.meta.url))).json();
  [english, words] = await Promise.all([read("en"), locale === "en" ? {} : read(locale)]);
  const region = wanted.find((one) => one?.toLowerCase().startsWith(locale)) ?? locale;
  t.locale = locale;
  t.dir = RTL.has(locale) ? "rtl" : "ltr";
  rules = new Intl.PluralRules(locale);
  clocks = new Intl.DateTimeFormat(region, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", numberingSystem: "latn" });
  days = new Intl.DateTimeFormat(region, { weekday: "long", day: "numeric", month: "long", numberingSystem: "latn" });
  dates = new Intl.DateTimeFormat(region, { day: "numeric", month: "short", numberingSystem: "latn" });
}

export const number = (n) => new Intl.NumberFormat(t.locale, { numberingSystem: "latn" }).format(n);
export const clock = (at) => (at ? clocks.format(new Date(at)) : "");
export const day = (at) => days.format(new Date(at));

/** Today's times as a clock, others as a date. */
export function when(at, now) {
  if (!at) return "";
  const date = new Date(at);
  return date.toDateString() === new Date(now).toDateString() ? clock(date) : dates.format(date);
}

/** How long ago, in words. */
export function ago(seconds) {
  const [unit, size] = seconds < 3600 ? ["minute", 60] : seconds < 172_800 ? ["hour", 3600] : ["day", 86_400];
  return new Intl.RelativeTimeFormat(t.locale, { numeric: "auto", numberingSystem: "latn" }).format(-Math.floor(Math.max(0, seconds) / size), unit);
}

/** Seconds as "1:12", "1:04:09" from an hour on, and in days from two days on. */
export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const pad = (n) => String(n).padStart(2, "0");
  if (s >= 172_800) return many("days", Math.floor(s / 86_400));
  if (s >= 3600) return `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}`;
  return `${Math.floor(s / 60)}:${pad(s % 60)}`;
}
