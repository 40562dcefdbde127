// What an operator writes. It belongs to the conversation: its words, its mode and where the caret stood go with it.
import { announce, button, copy, h, icon, newId } from "./dom.js";
import { blank, filled, matching } from "./answers.js";
import { bytes } from "./thread.js";
import { ago, clock, many, t } from "./words.js";

export class Composer {
  mode = "reply";
  #talk = null;
  #files = new Map();
  #canned = new Map();
  #composing = false;
  #typedAt = 0;
  #typingOff = 0;
  #options = [];
  #chosen = 0;
  #since = 0;

  constructor(inbox, actions) {
    this.inbox = inbox;
    this.actions = actions;
    const tab = (mode) => h("button", {
      type: "button", role: "tab", id: `mode-${mode}`, "aria-controls": "writing", data: { mode },
      on: { click: () => { this.setMode(mode); this.focus(); } },
    });
    this.tabs = h("div", { class: "modes", role: "tablist", "aria-label": t("composer.mode"), on: { keydown: (event) => this.#tabKeys(event) } }, tab("reply"), tab("note"));
    this.box = h("textarea", {
      id: "text", rows: "3", dir: "auto", "aria-autocomplete": "list", "aria-haspopup": "listbox", "aria-describedby": "composer-told",
      on: {
        input: () => this.#input(), keydown: (event) => this.#keys(event), blur: () => setTimeout(() => this.#shut(), 150),
        compositionstart: () => { this.#composing = true; },
        // Some browsers end the composition first and send its Enter after it.
        compositionend: () => setTimeout(() => { this.#composing = false; }, 0),
        paste: (event) => this.#pasted(event), select: () => this.#keep(), keyup: () => this.#keep(),
      },
    });
    this.list = h("ul", { class: "answers", role: "listbox", id: "answers", "aria-label": t("answers"), hidden: true });
    this.preview = h("div", { class: "answer-preview", hidden: true, dir: "auto" });
    this.pop = h("div", { class: "answers-pop", hidden: true }, this.list, this.preview);
    this.chips = h("ul", { class: "chips", "aria-label": t("files"), hidden: true });
    this.told = h("p", { class: "told", id: "composer-told", role: "status" });
    this.presence = h("span", { class: "presence" });
    this.picker = h("input", { type: "file", multiple: true, class: "hidden", tabindex: "-1", "aria-label": t("files.add"), on: { change: () => { this.attach([...this.picker.files]); this.picker.value = ""; } } });
    this.slash = button({ sign: "answers", text: t("answers"), kind: "quiet", press: () => this.openAnswers() });
    this.clip = button({ sign: "file", text: t("file"), kind: "quiet", press: () => this.picker.click() });
    this.sendButton = h("button", { type: "submit", class: "primary send" }, h("span"));
    this.bar = h("div", { class: "bar" });
    this.writing = h("div", { class: "writing", id: "writing", role: "tabpanel" }, this.pop, this.box, this.chips, this.told,
      h("div", { class: "foot" }, this.slash, this.clip, this.picker, this.presence, this.sendButton));
    this.element = h("form", { class: "composer", id: "composer", "aria-label": t("composer"), on: { submit: (event) => { event.preventDefault(); this.send(); } } }, this.tabs, this.bar, this.writing);
    this.element.addEventListener("dragover", (event) => event.preventDefault());
    this.element.addEventListener("drop", (event) => {
      event.preventDefault();
      this.attach([...event.dataTransfer.files]);
    });
    inbox.on("opened", (talk) => talk === this.#talk && this.draw());
    inbox.on("talk", (talk) => talk === this.#talk && this.draw());
    inbox.on("here", (talk) => talk === this.#talk && this.#drawPresence());
    inbox.on("people", () => this.#drawPresence());
    inbox.on("row", ({ row }) => row && row.conv === this.#talk?.conv && this.#drawPresence());
    inbox.on("line", () => this.draw());
    inbox.on("draft", (talk) => talk === this.#talk && document.activeElement !== this.box && this.#load());
  }

  /** Swap the whole composer for another conversation's. */
  show(talk) {
    if (this.#talk) {
      this.#keep();
      this.#typing(false);
    }
    this.#talk = talk;
    this.#shut();
    this.told.textContent = "";
    if (talk) this.#load();
    this.draw();
  }

  /** Whose drafts these are has become known: read again, without losing what was typed meanwhile. */
  known() {
    if (!this.#talk) return;
    if (this.box.value || this.mode !== "reply") this.#keep();
    else this.#load();
    this.draw();
  }

  focus() {
    if (!this.#talk) return;
    if (this.writing.hidden) {
      this.bar.querySelector("button")?.focus();
      return;
    }
    this.box.focus();
  }

  get hasFocus() {
    return this.element.contains(document.activeElement);
  }

  #load() {
    const draft = this.inbox.draft(this.#talk.conv);
    this.mode = draft.mode ?? "reply";
    this.box.value = draft.text ?? "";
    this.box.setSelectionRange(draft.start ?? 0, draft.end ?? 0);
    this.#grow();
  }

  #keep() {
    if (!this.#talk) return;
    const { value, selectionStart, selectionEnd } = this.box;
    this.inbox.setDraft(this.#talk.conv, { text: value, mode: this.mode, start: selectionStart, end: selectionEnd });
  }

  setMode(mode) {
    this.mode = mode;
    this.#keep();
    this.draw();
  }

  // ── drawing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  draw() {
    const talk = this.#talk;
    this.element.hidden = !talk || Boolean(talk.failed);
    if (!talk) return;
    const name = (talk.user?.name || this.inbox.row(talk.conv)?.name || t("visitor")).trim().split(/\s+/)[0];
    const words = { reply: t("composer.reply", { name }), note: t("composer.note") };
    for (const tab of this.tabs.children) {
      const on = tab.dataset.mode === this.mode;
      tab.textContent = words[tab.dataset.mode];
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      tab.title = `${words[tab.dataset.mode]} (${tab.dataset.mode === "reply" ? "R" : "N"})`;
    }
    const note = this.mode === "note";
    const mine = this.inbox.isMine(talk);
    const locked = talk.lock && !mine && this.box.value.trim() !== "";
    this.element.classList.toggle("noting", note);
    this.writing.setAttribute("aria-labelledby", `mode-${this.mode}`);
    this.box.setAttribute("aria-label", note ? words.note : words.reply);
    this.box.placeholder = note ? t("composer.note.hint") : t("composer.hint");
    const closing = this.inbox.closing.has(talk.conv);
    const can = note || (mine && !closing);
    this.writing.hidden = !can && !locked;
    this.writing.classList.toggle("locked", Boolean(!note && locked));
    this.box.readOnly = Boolean(!note && locked);
    this.slash.hidden = this.clip.hidden = !can;
    this.sendButton.hidden = !can;
    this.sendButton.firstChild.textContent = note ? t("composer.add") : t("composer.send");
    this.sendButton.title = `${this.sendButton.textContent} (${this.inbox.settings?.enter === false || note ? "Ctrl+Enter" : "Enter"})`;
    this.#drawBar(talk, { note, mine, locked, closing });
    this.#drawFiles();
    this.#drawPresence();
  }

  #drawBar(talk, { note, mine, locked, closing }) {
    const had = this.bar.contains(document.activeElement);
    this.bar.replaceChildren();
    const off = this.inbox.line.live ? null : t("offline.why");
    const act = (word, key, press, kind = "primary") => button({ text: word, key, kind, press: off ? undefined : press, "aria-disabled": off ? "true" : null, ...(off ? { title: off } : {}) });
    const say = (text, ...more) => this.bar.append(h("span", { class: "bar-text", dir: "auto", text }), ...more);
    this.bar.dataset.look = locked && !note ? "locked" : "";
    if (note || !talk.opened) {
      this.bar.hidden = true;
      return;
    }
    this.bar.hidden = mine && !closing;
    if (closing) say(t("closing"), button({ text: t("undo"), press: () => this.inbox.undoClose(talk.conv) }));
    else if (mine) return;
    else if (locked) {
      const lock = talk.lock;
      const time = clock(lock.at);
      const why = lock.mode === "closed" ? t("lock.closed", { time }) : lock.owner && lock.owner.id !== this.inbox.me?.id
        ? t("lock.person", { name: lock.owner.name, time }) : lock.mode === "bot" ? t("lock.bot", { time }) : t("lock.queue", { time });
      say(why, button({ text: t("copy"), press: () => this.actions.copied(copy(this.box.value)) }),
        button({ text: t("save.note"), press: () => this.#asNote() }),
        talk.mode === "waiting" ? act(t("take"), "T", () => this.actions.take(talk.conv)) : null);
      if (talk.mode !== "waiting") this.bar.lastChild?.nodeType === 3 && this.bar.lastChild.remove();
    } else if (talk.mode === "bot") say(t("composer.bot"), act(t("takeover"), "T", () => this.actions.take(talk.conv)));
    else if (talk.mode === "closed") say(t("composer.closed"), act(t("reopen"), "", () => this.actions.reopen(talk), ""));
    else if (talk.owner) {
      const owner = this.inbox.operators.find((one) => one.id === talk.owner.id);
      const gone = owner && owner.connected === false;
      say(gone ? t("composer.gone", { name: talk.owner.name }) : t("composer.theirs", { name: talk.owner.name }), act(t("take.reply"), "T", () => this.actions.take(talk.conv), ""));
    } else say(t("composer.waiting"), act(t("take.reply"), "T", () => this.actions.take(talk.conv)));
    if (had) this.bar.querySelector("button")?.focus();
  }

  #drawPresence() {
    const talk = this.#talk;
    if (!talk) return;
    const others = talk.here.filter((one) => one.id !== this.inbox.me?.id);
    const writing = others.find((one) => one.typing);
    const gone = this.inbox.row(talk.conv)?.gone_at;
    this.presence.textContent = writing ? t(writing.typing === "note" ? "here.noting" : "here.writing", { name: writing.name })
      : others.length === 1 ? t("here.viewing", { name: others[0].name }) : others.length ? many("here.more", others.length) : gone ? t("here.left", { ago: ago((this.inbox.now() - Date.parse(gone)) / 1000) }) : "";
  }

  tell(text) {
    this.told.textContent = text;
  }

  #asNote() {
    const words = this.box.value;
    this.#clear();
    this.#talk.lock = null;
    this.inbox.write(this.#talk, { kind: "note", text: words });
    this.draw();
  }

  #clear() {
    this.box.value = "";
    this.#files.delete(this.#talk.conv);
    this.#canned.delete(this.#talk.conv);
    this.#keep();
    this.#grow();
    this.#typing(false);
  }

  // ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────────

  send() {
    const talk = this.#talk;
    if (!talk || this.writing.hidden || this.box.readOnly) return false;
    const note = this.mode === "note";
    if (!note && !this.inbox.isMine(talk)) return false;
    const words = this.box.value.trim();
    const files = this.#files.get(talk.conv) ?? [];
    if (files.some((one) => one.state === "going")) return this.#refuse(t("files.wait"));
    if (files.some((one) => one.state === "failed")) return this.#refuse(t("files.first"));
    if (!words && !files.length) return false;
    const most = this.inbox.limits.text ?? 8_000;
    if (words.length > most) return this.#refuse(t("composer.long", { most, more: words.length - most }));
    const open = blank(this.box.value);
    if (open && !note) {
      this.box.focus();
      this.box.setSelectionRange(...open);
      return this.#refuse(t("composer.blank", { blank: this.box.value.slice(...open) }));
    }
    this.told.textContent = "";
    const canned = this.#canned.get(talk.conv);
    this.#clear();
    this.inbox.write(talk, { kind: note ? "note" : "send", text: words, files: files.map((one) => one.file), canned });
    this.draw();
    return true;
  }

  #refuse(text) {
    this.told.textContent = text;
    return false;
  }

  // ── typing ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #input() {
    this.#keep();
    this.#grow();
    this.told.textContent = "";
    if (this.box.value) this.#typing(true);
    this.#suggest();
  }

  #grow() {
    this.box.style.blockSize = "auto";
    this.box.style.blockSize = `${Math.min(this.box.scrollHeight + 2, Math.max(120, innerHeight * 0.35))}px`;
  }

  #typing(on) {
    const conv = this.#talk?.conv;
    if (!conv) return;
    const now = Date.now();
    clearTimeout(this.#typingOff);
    if (on) {
      this.#typingOff = setTimeout(() => this.#typing(false), 6_000);
      if (now - this.#typedAt < 3_000) return;
      this.#typedAt = now;
    } else if (!this.#typedAt) return;
    else this.#typedAt = 0;
    this.inbox.line.say({ t: "typing", cid: newId(), conv, on, mode: this.mode });
  }

  #keys(event) {
    if (event.isComposing || event.keyCode === 229 || this.#composing) return;
    const { key, shiftKey, altKey } = event;
    const mod = event.ctrlKey || event.metaKey;
    if (!this.pop.hidden) {
      if (["ArrowDown", "ArrowUp"].includes(key) && !mod && !altKey) {
        event.preventDefault();
        this.#choose(this.#chosen + (key === "ArrowDown" ? 1 : -1));
        return;
      }
      if ((key === "Enter" || key === "Tab") && !mod && !shiftKey && this.#options.length) {
        event.preventDefault();
        this.#insert(this.#options[this.#chosen]);
        return;
      }
      if (key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        this.#shut();
        return;
      }
    }
    if (key === "Enter" && mod) {
      event.preventDefault();
      if (this.send() && shiftKey && this.inbox.isMine(this.#talk)) this.actions.closeAtOnce(this.#talk);
    } else if (key === "Enter" && !shiftKey && !altKey && this.mode === "reply" && this.#enterSends()) {
      event.preventDefault();
      this.send();
    } else if (key === "Escape") {
      event.preventDefault();
      this.actions.thread();
    } else if (altKey && (key === "ArrowDown" || key === "ArrowUp")) {
      event.preventDefault();
      this.actions.beside(key === "ArrowDown" ? 1 : -1);
    }
  }

  #enterSends() {
    if (matchMedia("(pointer: coarse)").matches) return false;
    const wish = this.inbox.settings?.enter;
    return wish ?? !/mail/i.test(this.#talk?.channel || this.inbox.row(this.#talk?.conv)?.channel || "");
  }

  #tabKeys(event) {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    this.setMode(this.mode === "reply" ? "note" : "reply");
    document.getElementById(`mode-${this.mode}`).focus();
  }

  // ── saved answers ─────────────────────────────────────────────────────────────────────────────────────────────────

  #typed() {
    const before = this.box.value.slice(0, this.box.selectionStart);
    const found = /(?:^|\n)\/([^\s/]*)$/.exec(before);
    return found ? { words: found[1], start: this.box.selectionStart - found[1].length - 1 } : null;
  }

  openAnswers() {
    this.box.focus();
    if (!this.#typed()) {
      const before = this.box.value.slice(0, this.box.selectionStart);
      this.#write(before && !before.endsWith("\n") ? "\n/" : "/");
    }
    this.#suggest();
  }

  async #suggest() {
    const typed = this.#typed();
    if (!typed || this.box.readOnly) {
      this.#shut();
      return;
    }
    if (Date.now() - this.#since > 60_000) {
      this.#since = Date.now();
      try {
        await this.inbox.readAnswers();
      } catch {
        this.#since = 0;
        this.tell(t("answers.unread"));
      }
      if (!this.#typed()) return;
    }
    this.#options = matching(this.inbox.answers, this.#typed().words, this.#talk?.user?.locale).slice(0, 8);
    const none = this.#options.length === 0;
    this.list.replaceChildren(...this.#options.map((one, at) => h("li", { role: "option", id: `answer-${at}`, "aria-selected": "false", on: {
      pointerdown: (event) => event.preventDefault(), click: () => this.#insert(one), pointermove: () => at !== this.#chosen && this.#choose(at),
    } }, h("b", { text: `/${one.code}` }), " ", h("span", { dir: "auto", text: one.title ?? "" }))));
    this.list.hidden = none;
    this.pop.hidden = false;
    this.box.setAttribute("aria-controls", "answers");
    this.preview.hidden = false;
    if (none) {
      this.preview.replaceChildren(h("p", { class: "faint", text: this.inbox.answers.length ? t("answers.none") : t("answers.empty") }),
        button({ text: t("answers.edit"), kind: "plain", press: () => this.actions.answers() }));
      this.box.removeAttribute("aria-activedescendant");
    } else {
      this.#choose(0);
      announce(many("answers.found", this.#options.length));
    }
  }

  #choose(at) {
    this.#chosen = (at + this.#options.length) % this.#options.length;
    [...this.list.children].forEach((one, place) => one.setAttribute("aria-selected", String(place === this.#chosen)));
    this.list.children[this.#chosen]?.scrollIntoView({ block: "nearest" });
    this.box.setAttribute("aria-activedescendant", `answer-${this.#chosen}`);
    this.preview.textContent = filled(this.#options[this.#chosen].text ?? "", this.#talk, this.inbox.me);
  }

  #insert(one) {
    const typed = this.#typed();
    const text = filled(one.text ?? "", this.#talk, this.inbox.me);
    this.box.focus();
    if (typed) this.box.setSelectionRange(typed.start, this.box.selectionStart);
    const start = this.box.selectionStart;
    this.#write(text);
    this.#canned.set(this.#talk.conv, one.id);
    this.#shut();
    const open = blank(text);
    if (open) this.box.setSelectionRange(start + open[0], start + open[1]);
    this.#keep();
    this.#grow();
  }

  /** Write at the caret so that the browser's own undo takes it back. */
  #write(text) {
    if (!document.execCommand("insertText", false, text)) {
      this.box.setRangeText(text, this.box.selectionStart, this.box.selectionEnd, "end");
      this.#input();
    }
  }

  #shut() {
    this.pop.hidden = true;
    this.box.removeAttribute("aria-activedescendant");
    this.box.removeAttribute("aria-controls");
  }

  // ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.attach(files);
  }

  attach(files) {
    const talk = this.#talk;
    if (!talk || this.sendButton.hidden) return;
    if (!this.#files.has(talk.conv)) this.#files.set(talk.conv, []);
    for (const blob of files) {
      const one = { cid: newId(), blob, name: blob.name || t("file"), state: "going", done: 0, talk };
      this.#files.get(talk.conv).push(one);
      this.#upload(one);
    }
    this.#drawFiles();
  }

  #upload(one) {
    const { max, types, allowed } = this.inbox.limits.file ?? this.inbox.limits.files ?? {};
    one.state = "going";
    one.why = "";
    if (max && one.blob.size > max) {
      one.state = "failed";
      one.final = true;
      one.why = t("files.big", { max: bytes(max) });
      return;
    }
    const kinds = types ?? allowed;
    if (kinds?.length && one.blob.type && !kinds.some((kind) => kind === one.blob.type || (kind.endsWith("/*") && one.blob.type.startsWith(kind.slice(0, -1))))) {
      one.state = "failed";
      one.final = true;
      one.why = t("files.type");
      return;
    }
    const request = new XMLHttpRequest();
    one.request = request;
    request.open("PUT", new URL(`v1/files/${one.cid}`, this.inbox.base));
    request.setRequestHeader("Content-Type", one.blob.type || "application/octet-stream");
    request.setRequestHeader("X-Name", encodeURIComponent(one.name));
    request.setRequestHeader("X-Convokit", "1");
    request.upload.addEventListener("progress", (event) => {
      one.done = event.lengthComputable ? event.loaded / event.total : 0;
      this.#drawFiles();
    });
    request.addEventListener("load", () => {
      let said = {};
      try {
        said = JSON.parse(request.responseText);
      } catch { /* the status says enough */ }
      if (request.status === 200 || request.status === 201) {
        one.state = "there";
        one.file = { kind: said.type?.startsWith("image/") ? "image" : "file", name: one.name, size: one.blob.size, ...said };
      } else {
        one.state = "failed";
        one.final = [413, 415, 422].includes(request.status);
        one.why = request.status === 413 ? t("files.big", { max: bytes(said.max ?? max ?? 0) }) : request.status === 415 ? t("files.type")
          : request.status === 422 ? t("files.blocked") : t("files.failed");
      }
      this.#drawFiles();
    });
    request.addEventListener("error", () => {
      one.state = "failed";
      one.why = t("files.failed");
      this.#drawFiles();
    });
    request.send(one.blob);
  }

  #drawFiles() {
    const files = (this.#talk && this.#files.get(this.#talk.conv)) ?? [];
    this.chips.hidden = !files.length || this.writing.hidden;
    this.chips.replaceChildren(...files.map((one) => h("li", { class: `chip ${one.state}` }, icon("file"),
      h("bdi", { dir: "auto", text: one.name }), h("span", { class: "faint", text: one.state === "going" ? `${Math.round(one.done * 100)} %` : bytes(one.blob.size) }),
      one.state === "failed" && h("span", { class: "why", role: "alert", text: one.why }),
      one.state === "failed" && !one.final && button({ text: t("retry"), kind: "plain", press: () => { this.#upload(one); this.#drawFiles(); } }),
      button({ sign: "close", label: t("files.remove", { name: one.name }), kind: "icon-button small", press: () => {
        one.request?.abort();
        this.#files.set(this.#talk.conv, files.filter((other) => other !== one));
        this.#drawFiles();
        this.box.focus();
      } }))));
  }
}
