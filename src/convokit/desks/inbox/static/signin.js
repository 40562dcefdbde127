// The sign-in page works without this file; with it, its words are the reader's, and a problem named by the address is
// told even where the address has lost its fragment.
import { load, t } from "./words.js";

await load();
document.documentElement.lang = t.locale;
document.documentElement.dir = t.dir;
document.title = `${t("signin.submit")} · ${t("title")}`;
for (const one of document.querySelectorAll("[data-words]")) one.textContent = t(one.dataset.words);

const asked = new URLSearchParams(location.search);
const code = asked.get("error") ?? asked.get("code") ?? "";
const known = { wrong: "wrong", slow: "slow", throttled: "slow", rate: "slow", expired: "expired", link: "link" };
const problem = code ? document.getElementById(known[code] ?? "other") : document.querySelector(".problem:target");
const name = document.getElementById("name");
if (problem) {
  problem.classList.add("shown");
  problem.setAttribute("role", "alert");
  if (problem.id === "wrong") {
    for (const id of ["name", "password"]) {
      const field = document.getElementById(id);
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", problem.id);
    }
  }
}
// Where they were before they were signed out.
if (location.hash.startsWith("#/")) {
  const next = document.createElement("input");
  Object.assign(next, { type: "hidden", name: "next", value: location.hash });
  document.getElementById("form").append(next);
}
name.focus();
document.getElementById("form").addEventListener("submit", (event) => {
  event.currentTarget.querySelector("button").classList.add("busy");
});
