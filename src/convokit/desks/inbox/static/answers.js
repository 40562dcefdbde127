// Saved answers: finding them by what was typed after "/", and filling their blanks.

/** The saved answers for what was typed: by short code first, then by title, then by text. */
export function matching(answers, typed, language) {
  const words = typed.toLocaleLowerCase();
  const scored = [];
  for (const one of answers) {
    const score = one.code?.toLocaleLowerCase().startsWith(words) ? 0
      : one.title?.toLocaleLowerCase().includes(words) ? 1
        : one.text?.toLocaleLowerCase().includes(words) ? 2 : null;
    if (score === null) continue;
    const foreign = one.lang && language && !language.toLowerCase().startsWith(one.lang.toLowerCase().split("-")[0]) ? 1 : 0;
    scored.push({ one, score, foreign });
  }
  return scored.sort((a, b) => a.foreign - b.foreign || a.score - b.score || (b.one.uses ?? 0) - (a.one.uses ?? 0)
    || (a.one.code ?? "").localeCompare(b.one.code ?? "")).map(({ one }) => one);
}

const BLANK = /\{(customer|operator|context)\.([\w.-]+)(?:\|([^{}]*))?\}/g;

/** The text with its variables filled; one without a value keeps its braces unless it names a stand-in. */
export function filled(text, talk, me) {
  const customer = { ...talk.user, ...talk.profile };
  customer.name ??= talk.user?.name;
  customer.first_name ??= customer.name?.trim().split(/\s+/)[0];
  const from = { customer, operator: { name: me?.name, first_name: me?.name?.split(/\s+/)[0] }, context: talk.context ?? {} };
  return text.replace(BLANK, (all, root, key, standin) => {
    const value = from[root][key];
    return ["string", "number"].includes(typeof value) && value !== "" ? String(value) : standin ?? all;
  });
}

/** Where the first blank that nobody filled is: [start, end], or null. */
export function blank(text) {
  const found = new RegExp(BLANK.source).exec(text);
  return found ? [found.index, found.index + found[0].length] : null;
}
