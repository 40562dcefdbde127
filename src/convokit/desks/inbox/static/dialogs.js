// What is asked before a conversation changes hands, and the settings.
import { button, dialog, h, newId } from "./dom.js";
import { many, number, t } from "./words.js";

function actions(form, word, shut, kind = "primary") {
  const told = h("p", { class: "told", role: "alert" });
  form.append(told, h("div", { class: "actions" }, button({ text: t("cancel"), press: shut }), h("button", { type: "submit", class: kind, text: word })));
  return told;
}

/** Choose who gets it. Those who cannot take it now are shown, and cannot be chosen. */
export function transfer(inbox, { title, word, noteNeeded, noteLabel, except, done }) {
  const group = newId();
  const people = inbox.operators.filter((one) => one.id !== except);
  const free = (one) => one.status === "available" && one.connected !== false && (!one.max || one.open < one.max);
  people.sort((a, b) => free(b) - free(a) || (a.open / (a.max || 99)) - (b.open / (b.max || 99)) || a.name.localeCompare(b.name));
  const option = (value, name, more, off) => h("label", { class: `option${off ? " off" : ""}` },
    h("input", { type: "radio", name: group, value, disabled: Boolean(off) }), h("bdi", { class: "option-name", dir: "auto", text: name }), h("span", { class: "faint", text: more }));
  const note = h("textarea", { rows: "2", dir: "auto", id: `note-${group}`, maxlength: "2000" });
  const form = h("form", { method: "dialog" });
  if (people.length) {
    form.append(h("fieldset", {}, h("legend", { text: t("transfer.people") }), people.map((one) => option(`o:${one.id}`, one.name,
      [one.max ? t("load", { open: number(one.open ?? 0), max: number(one.max) }) : "", free(one) ? "" : one.connected === false ? t("status.gone") : one.status !== "available" ? t(`status.${one.status}`) : t("status.full")].filter(Boolean).join(" · "), !free(one)))));
  }
  if (inbox.queues.length) {
    form.append(h("fieldset", {}, h("legend", { text: t("transfer.queues") }), inbox.queues.map((one) => option(`q:${one.id}`, one.name || t("queue.any"),
      [many("waiting", one.waiting ?? 0), one.wait_s ? t("transfer.about", { minutes: number(Math.max(1, Math.round(one.wait_s / 60))) }) : ""].filter(Boolean).join(" · ")))));
  }
  if (!people.length && !inbox.queues.length) form.append(h("p", { class: "faint", text: t("transfer.nobody") }));
  form.append(h("label", { for: note.id, text: noteLabel }), note);
  const shown = dialog(title, form);
  const told = actions(form, word, () => shown.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = form.querySelector("input[type=radio]:checked")?.value;
    if (!chosen) {
      told.textContent = t("transfer.choose");
      form.querySelector("input[type=radio]:not(:disabled)")?.focus();
      return;
    }
    if (noteNeeded && chosen.startsWith("o:") && !note.value.trim()) {
      told.textContent = t("transfer.note.needed");
      note.focus();
      return;
    }
    const to = chosen.startsWith("o:") ? { operator: chosen.slice(2) } : { queue: chosen.slice(2) };
    try {
      await done(to, note.value.trim());
      shown.close();
    } catch (problem) {
      told.textContent = problemText(problem);
    }
  });
  form.querySelector("input[type=radio]:not(:disabled)")?.focus();
  return shown;
}

export function problemText(problem) {
  const key = `problem.${problem?.code}`;
  const text = t(key, { name: problem?.owner?.name ?? t("colleague") });
  return text === key ? t("problem") : text;
}

export function give(talk, { done }) {
  const note = h("textarea", { rows: "3", dir: "auto", id: "give-note", maxlength: "2000", placeholder: t("give.hint") });
  const form = h("form", { method: "dialog" }, h("p", { class: "faint", text: t("give.told") }), h("label", { for: note.id, text: t("give.note") }), note);
  const shown = dialog(t("give.title"), form);
  const told = actions(form, t("give"), () => shown.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await done(note.value.trim());
      shown.close();
    } catch (problem) {
      told.textContent = problemText(problem);
    }
  });
  note.focus();
}

export const OUTCOMES = ["solved", "unsolved", "no_reply", "spam"];

export function close({ tags = [], done }) {
  const group = newId();
  const field = h("input", { id: "close-tags", dir: "auto", autocomplete: "off", maxlength: "200", value: tags.join(", ") });
  const form = h("form", { method: "dialog" }, h("fieldset", {}, h("legend", { text: t("close.outcome") }),
    OUTCOMES.map((one, at) => h("label", { class: "option" }, h("input", { type: "radio", name: group, value: one, checked: at === 0 }), h("span", { text: t(`outcome.${one}`) })))),
  h("label", { for: field.id, text: t("close.tags") }), field, h("p", { class: "faint", text: t("close.told") }));
  const shown = dialog(t("close.title"), form);
  actions(form, t("close"), () => shown.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    shown.close();
    done(form.querySelector("input:checked").value, field.value.split(",").map((one) => one.trim()).filter(Boolean));
  });
  form.querySelector("input").focus();
}

const KEYS = [
  ["J / K", "move"], ["Enter", "open"], ["T", "take"], ["R", "reply"], ["N", "note"], ["X", "transfer"], ["B", "give"], ["E", "close"],
  ["U", "unread"], ["A", "accept"], ["G M / G Q / G A", "lists"], ["P", "details"], ["/", "search"], ["F6", "panes"], ["?", "help"],
];
const WRITING_KEYS = [["Ctrl+Enter", "send"], ["Ctrl+Shift+Enter", "sendclose"], ["/", "answers"], ["Alt+↑ / Alt+↓", "beside"], ["Esc", "thread"]];

export function help({ on }) {
  const table = (rows) => h("dl", { class: "keys" }, rows.map(([key, word]) => h("div", {}, h("dt", {}, key.split(" / ").flatMap((one, at) => [at ? " / " : null, h("kbd", { text: one })])), h("dd", { text: t(`key.${word}`) }))));
  const shown = dialog(t("keys.title"), on ? null : h("p", { class: "faint", text: t("keys.off") }), table(KEYS), h("h3", { text: t("keys.writing") }), table(WRITING_KEYS),
    h("div", { class: "actions" }, button({ text: t("done"), kind: "primary", press: () => shown.close() })));
}

/** The operator's own settings. */
export function settings(inbox, bell, { changed, signOut, answers }) {
  const now = inbox.settings;
  const check = (name, word, value = now[name]) => h("label", { class: "option" }, h("input", { type: "checkbox", checked: Boolean(value), on: { change: (event) => changed({ [name]: event.target.checked }) } }), h("span", { text: word }));
  const rules = h("div", { class: "rules" });
  const drawRules = () => {
    rules.replaceChildren();
    if (!now.bell) {
      rules.append(h("p", { class: "faint", text: t("bell.off") }), button({ text: t("bell.on"), press: async () => {
        changed({ bell: true });
        drawRules();
        rules.querySelector("button")?.focus();
        await bell.allow(); // the person may let the browser's question wait
        if (bell.blocked) drawRules();
      } }));
      return;
    }
    rules.append(h("div", { class: "row-of" }, button({ text: t("bell.test"), press: () => bell.test() }), button({ text: t("bell.stop"), press: () => { changed({ bell: false }); drawRules(); } })));
    if (bell.blocked) rules.append(h("p", { class: "told", text: t("bell.blocked") }));
    for (const rule of ["queue", "mine", "offer", "mention", "due"]) {
      const choice = h("select", { id: `rule-${rule}`, on: { change: () => changed({ rules: { ...now.rules, [rule]: choice.value } }) } },
        ["sound", "desktop", "nothing"].map((one) => h("option", { value: one, text: t(`bell.${one}`) })));
      choice.value = now.rules[rule];
      rules.append(h("div", { class: "rule" }, h("label", { for: choice.id, text: t(`rule.${rule}`) }), choice));
    }
    rules.append(check("hide", t("bell.hide")));
  };
  drawRules();
  const theme = h("select", { id: "theme", on: { change: () => changed({ theme: theme.value }) } }, ["auto", "light", "dark"].map((one) => h("option", { value: one, text: t(`theme.${one}`) })));
  theme.value = now.theme;
  const enter = h("select", { id: "enter", on: { change: () => changed({ enter: { auto: null, yes: true, no: false }[enter.value] }) } }, ["auto", "yes", "no"].map((one) => h("option", { value: one, text: t(`enter.${one}`) })));
  enter.value = now.enter === null ? "auto" : now.enter ? "yes" : "no";
  const shown = dialog(t("settings"),
    h("section", {}, h("h3", { text: t("bell") }), rules),
    h("section", {}, h("h3", { text: t("settings.page") }), check("keys", t("settings.keys")),
      h("div", { class: "rule" }, h("label", { for: "enter", text: t("settings.enter") }), enter),
      h("div", { class: "rule" }, h("label", { for: "theme", text: t("settings.theme") }), theme)),
    h("div", { class: "actions" }, button({ text: t("answers.edit"), press: () => { shown.close(); answers(); } }), button({ text: t("signout"), press: signOut }), button({ text: t("done"), kind: "primary", press: () => shown.close() })));
}

/** Saved answers: the list, and a form for one. */
export async function answers(inbox) {
  const body = h("div", { class: "answers-editor" });
  const shown = dialog(t("answers"), body);
  const told = h("p", { class: "told", role: "alert" });
  const drawList = () => {
    told.textContent = "";
    const saved = [...inbox.answers].sort((a, b) => (a.code ?? "").localeCompare(b.code ?? ""));
    body.replaceChildren(
      saved.length ? h("ul", { class: "saved" }, saved.map((one) => h("li", {}, h("button", { type: "button", class: "saved-one", on: { click: () => drawForm(one) } },
        h("b", { text: `/${one.code}` }), h("span", { dir: "auto", text: one.title ?? "" }), h("span", { class: "faint", text: [t(`scope.${one.scope ?? "mine"}`), one.uses ? many("answers.used", one.uses) : ""].filter(Boolean).join(" · ") })))))
        : h("p", { class: "faint", text: t("answers.empty") }), told,
      h("div", { class: "actions" }, button({ text: t("answers.new"), press: () => drawForm({}) }), button({ text: t("done"), kind: "primary", press: () => shown.close() })));
    body.querySelector("button")?.focus();
  };
  const drawForm = (one) => {
    const field = (name, tag = "input", more = {}) => h(tag, { id: `answer-form-${name}`, dir: "auto", ...more, value: one[name] ?? "" });
    const code = field("code", "input", { required: true, pattern: "[^\\s\\/]{1,40}", autocomplete: "off", spellcheck: "false" });
    const title = field("title", "input", { maxlength: "120" });
    const text = field("text", "textarea", { rows: "5", required: true, maxlength: "8000" });
    const lang = field("lang", "input", { maxlength: "12", placeholder: "en" });
    const scope = h("select", { id: "answer-form-scope" }, ["mine", "team", "all"].map((name) => h("option", { value: name, text: t(`scope.${name}`) })));
    scope.value = one.scope ?? "mine";
    const form = h("form", {}, ...[["code", code], ["title", title], ["text", text], ["scope", scope], ["lang", lang]].flatMap(([name, input]) => [h("label", { for: input.id, text: t(`answer.${name}`) }), input]),
      h("p", { class: "faint", text: t("answer.blanks") }), told,
      h("div", { class: "actions" }, one.id ? button({ text: t("answer.delete"), kind: "danger", press: () => store({ method: "DELETE" }, `v1/answers?id=${encodeURIComponent(one.id)}`) }) : null,
        button({ text: t("cancel"), press: drawList }), h("button", { type: "submit", class: "primary", text: t("save") })));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      store({ method: "POST", body: { ...(one.id ? { id: one.id } : {}), code: code.value.trim(), title: title.value.trim(), text: text.value, scope: scope.value, lang: lang.value.trim() } });
    });
    body.replaceChildren(form);
    code.focus();
  };
  const store = async (how, path = "v1/answers") => {
    try {
      await inbox.ask(path, how);
      await inbox.readAnswers();
      drawList();
    } catch (problem) {
      told.textContent = problem.status === 403 ? t("problem.forbidden") : t("problem");
    }
  };
  drawList();
  try {
    await inbox.readAnswers();
    drawList();
  } catch {
    told.textContent = t("answers.unread");
  }
}
