// The pane beside the conversation: who the customer is, and how this conversation went so far.
import { button, h, linked } from "./dom.js";
import { waited } from "./thread.js";
import { clock, day, span, t } from "./words.js";

const HIDDEN = new Set(["id", "verified", "name", "first_name"]);

export class Details {
  #talk = null;

  constructor(inbox, { shut }) {
    this.inbox = inbox;
    this.body = h("div", { class: "details-body" });
    this.element = h("aside", { class: "details", id: "details", "aria-label": t("details"), tabindex: "-1" },
      h("div", { class: "drawer-head" }, h("h2", { text: t("details") }), button({ sign: "close", label: t("details.shut"), kind: "icon-button", press: shut })),
      this.body);
    for (const topic of ["opened", "talk"]) inbox.on(topic, (talk) => talk === this.#talk && this.draw());
    inbox.on("entry", ({ talk }) => talk === this.#talk && this.draw());
  }

  show(talk) {
    this.#talk = talk;
    this.draw();
  }

  #part(title, pairs) {
    const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
    if (!shown.length) return null;
    return h("section", {}, h("h2", { text: title }), h("dl", {}, shown.map(([term, value]) => h("div", {},
      h("dt", { dir: "auto", text: term }), h("dd", {}, h("bdi", { dir: "auto" }, linked(String(value))))))));
  }

  draw() {
    const talk = this.#talk;
    this.element.classList.toggle("none", !talk?.opened);
    if (!talk?.opened) {
      this.body.replaceChildren();
      return;
    }
    const { user, profile, channel, context, handoff } = talk;
    const row = this.inbox.row(talk.conv);
    const plain = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : value === true ? t("yes") : value === false ? t("no") : value);
    const labelled = (key) => {
      const word = t(`profile.${key}`);
      return word === `profile.${key}` ? key.replaceAll("_", " ").replace(/^./u, (letter) => letter.toLocaleUpperCase()) : word;
    };
    // What the business has signed about a customer stands with the customer; the rest was told by the page.
    const { customer: { attrs, email_verified: _, ...signed } = {}, ...told } = context ?? {};
    const facts = Object.entries({ ...signed, ...attrs, ...profile }).filter(([key]) => !HIDDEN.has(key)).map(([key, value]) => [labelled(key), plain(value)]);
    const ends = handoff?.taken_at ? waited(handoff.opened_at, handoff.taken_at) : handoff ? span((this.inbox.now() - Date.parse(handoff.opened_at)) / 1000) : null;
    this.body.replaceChildren(...[
      this.#part(t("details.customer"), [
        [t("profile.name"), user.name || profile?.name], [t("profile.locale"), user.locale && language(user.locale)],
        ...facts, [t("details.channel"), t.channel?.(channel || row?.channel) ?? channel],
      ]),
      this.#part(t("details.conversation"), [
        [t("details.waited"), ends], [t("details.first"), waited(handoff?.opened_at, handoff?.answered_at)],
        [t("details.queue"), handoff ? handoff.queue || t("queue.any") : null], [t("details.reason"), handoff?.reason],
        [t("details.owner"), talk.owner?.name],
        [t("details.lease"), this.inbox.isMine(talk) && (talk.until ?? handoff?.lease_until) ? clock(talk.until ?? handoff.lease_until) : null],
        [t("details.tags"), row?.tags?.join(", ")],
        [t("details.began"), talk.entries[0]?.seq === 1 ? `${day(talk.entries[0].at)}, ${clock(talk.entries[0].at)}` : null],
      ]),
      this.#part(t("details.context"), Object.entries(told).map(([key, value]) => [labelled(key), plain(value)])),
      this.plot ?? null,
    ].filter(Boolean));
  }
}

function language(code) {
  try {
    return new Intl.DisplayNames([t.locale], { type: "language" }).of(code);
  } catch {
    return code;
  }
}
