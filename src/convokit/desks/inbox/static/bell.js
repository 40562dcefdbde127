// Telling an operator who looks elsewhere: title, dot on the icon, sound, desktop notification. Off until asked for.
import { t } from "./words.js";

const GAP = 3_000;

export class Bell {
  blocked = false;
  #audio = null;
  #mine = !("locks" in navigator);
  #last = new Map();
  #icon = null;
  #plain = document.querySelector("link[rel=icon]")?.href ?? "";
  #count = null;

  constructor(inbox, { open }) {
    this.inbox = inbox;
    this.open = open;
    // One tab of this browser rings. The lock is held until the tab goes.
    navigator.locks?.request("ck-bell", () => new Promise(() => { this.#mine = true; })).catch(() => { this.#mine = true; });
  }

  /** Asked by a press in the settings: browsers give no permission and no sound without one. */
  async allow() {
    this.#unlock();
    if ("Notification" in window && Notification.permission === "default") await Notification.requestPermission();
    this.blocked = "Notification" in window && Notification.permission === "denied";
  }

  #unlock() {
    try {
      this.#audio ??= new AudioContext();
      this.#audio.resume();
    } catch {
      this.#audio = null;
    }
  }

  get silent() {
    return !this.#audio || this.#audio.state !== "running";
  }

  test() {
    this.#unlock();
    this.#sound();
    this.#desktop("test", t("bell.test.title"), t("bell.test.body"));
  }

  /** Something happened: "queue", "mine", "offer", "mention", "due". */
  ring(rule, { conv, title, body = "" }) {
    const { settings } = this.inbox;
    if (!settings?.bell || !this.#mine) return;
    const how = settings.rules[rule];
    if (how === "nothing") return;
    if (document.visibilityState === "visible" && document.hasFocus() && (conv === this.inbox.current || rule === "offer")) return;
    const now = Date.now();
    if (now - (this.#last.get(conv) ?? 0) < GAP) return;
    this.#last.set(conv, now);
    this.#sound();
    if (how === "desktop") this.#desktop(conv, title, settings.hide ? "" : body);
  }

  #sound() {
    if (!this.#audio || this.#audio.state === "closed") return;
    const audio = this.#audio;
    const at = audio.currentTime;
    for (const [note, start] of [[659, 0], [880, 0.12]]) {
      const tone = audio.createOscillator();
      const loud = audio.createGain();
      tone.frequency.value = note;
      loud.gain.setValueAtTime(0.0001, at + start);
      loud.gain.exponentialRampToValueAtTime(0.12, at + start + 0.015);
      loud.gain.exponentialRampToValueAtTime(0.0001, at + start + 0.3);
      tone.connect(loud).connect(audio.destination);
      tone.start(at + start);
      tone.stop(at + start + 0.32);
    }
  }

  #desktop(conv, title, body) {
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    try {
      const shown = new Notification(title, { body, tag: `ck-${conv}`, lang: t.locale, dir: t.dir });
      shown.addEventListener("click", () => {
        window.focus();
        if (conv !== "test") this.open(conv);
        shown.close();
      });
    } catch { /* some phones have the name and no notifications */ }
  }

  /** The number in the title and the dot on the icon. */
  count(n) {
    if (n === this.#count) return;
    this.#count = n;
    document.title = n ? `(${n}) ${t("title")}` : t("title");
    const link = document.querySelector("link[rel=icon]");
    if (!link) return;
    if (!n) {
      link.type = "image/svg+xml";
      link.href = this.#plain;
      return;
    }
    if (this.#icon) {
      link.type = "image/png";
      link.href = this.#icon;
      return;
    }
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 32;
    const pen = canvas.getContext("2d");
    if (!pen) return;
    const picture = new Image();
    picture.addEventListener("load", () => {
      pen.drawImage(picture, 0, 0, 32, 32);
      pen.fillStyle = "#fff";
      pen.beginPath();
      pen.arc(24, 8, 8, 0, 7);
      pen.fill();
      pen.fillStyle = "#A3301D";
      pen.beginPath();
      pen.arc(24, 8, 6, 0, 7);
      pen.fill();
      canvas.toBlob((blob) => {
        if (!blob) return;
        this.#icon = URL.createObjectURL(blob); // not data:, which the page's policy forbids
        if (this.#count) {
          link.type = "image/png";
          link.href = this.#icon;
        }
      });
    });
    picture.src = this.#plain;
  }
}
