// The line to the server: a WebSocket, or long polls where sockets are blocked. What is said over it may be lost with it;
// what must not be lost has an id of ours (`cid`) and is said again, with the same id, over the next line.
import { newId } from "./dom.js";

const DEAD = 40_000; // the server says something every 25 s
const WAKE = 3_000;
const ANSWER = 10_000;
const SHORT = 10_000;
const OPENING = 4_000;
const WELCOME = 5_000;
const HOLD = 25_000;
const SOON = 5_000; // a server that was away is mistaken for one that forbids sockets: look again soon, once
const AGAIN = 300_000;
const HEALTHY = 30_000;

export class Line {
  #socket = null;
  #sid = null;
  #tries = 0;
  #attempt = 0;
  #lostAt = 0;
  #last = 0;
  #timers = {};
  #misses = 0;
  #shortLives = 0;
  #openedAt = 0;
  #pending = new Map();
  #polling = false;
  #blocked = false;
  #stopped = false;
  #welcomed = false;

  /**
   * @param base The inbox's own address, with "/" at its end.
   * @param hello Makes the first frame of each line.
   * @param heard Is told every frame.
   * @param moved Is told when `state` changes: "connecting", "live", "lost" (for more than 2 s), "stopped".
   */
  constructor({ base, hello, heard, moved }) {
    Object.assign(this, { base, hello, heard, moved, state: "connecting", reason: "" });
    this.#polling = sessionStorageGet("ck-polling") === "1";
    addEventListener("online", () => this.#wake(true));
    addEventListener("pageshow", (event) => event.persisted && this.#wake(true));
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#wake());
    document.addEventListener("resume", () => this.#wake());
    addEventListener("pagehide", () => this.#drop(1000)); // an open socket would keep the page out of the cache
  }

  start() {
    this.#connect();
  }

  get live() {
    return this.#welcomed;
  }

  /** Send a frame that may be lost. */
  say(frame) {
    if (!this.#welcomed) return;
    this.#write([frame]);
  }

  /**
   * Send a command until it is answered. Resolves with the `ack`, rejects with the `error` frame.
   * A line that is lost in between says it again with the same cid.
   */
  command(t, body = {}, cid = newId()) {
    const frame = { t, cid, ...body };
    return new Promise((resolve, reject) => {
      this.#pending.set(cid, { frame, resolve, reject });
      if (this.#welcomed) this.#send(cid);
    });
  }

  /** Stop for good: signed out, or sent away. */
  stop(reason) {
    this.#stopped = true;
    this.reason = reason;
    this.#drop(1000);
    this.#become("stopped");
  }

  /** Begin anew with what we have read so far. */
  renew() {
    if (this.#stopped) return;
    this.#drop(4000);
    this.#later(0);
  }

  /** Say what has not been answered while the page goes away; the answer is not waited for. */
  farewell(frames) {
    if (this.#welcomed && this.#socket) for (const frame of frames) this.#socket.send(JSON.stringify(frame));
    else if (this.#sid && frames.length) this.#post({ sid: this.#sid, wait: 0, frames }, { keepalive: true }).catch(() => {});
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.moved(state);
  }

  #send(cid) {
    const waiting = this.#pending.get(cid);
    if (!waiting) return;
    this.#write([waiting.frame]);
    clearTimeout(waiting.timer);
    waiting.timer = setTimeout(() => this.#pending.has(cid) && this.#welcomed && this.renew(), ANSWER);
  }

  #write(frames) {
    if (this.#socket) for (const frame of frames) this.#socket.send(JSON.stringify(frame));
    else if (this.#sid) {
      this.#post({ sid: this.#sid, wait: 0, frames }).then((said) => this.#took(said), () => this.#lost(1006));
    }
  }

  #hear(frame) {
    this.#last = Date.now();
    clearTimeout(this.#timers.wake);
    if (frame.t === "ping") {
      this.#write([{ t: "pong", n: frame.n }]);
      return;
    }
    if (frame.t === "goodbye") {
      this.#lostAt ||= Date.now();
      this.#drop(1000);
      this.#later((frame.retry_ms ?? 500) + Math.random() * (frame.spread_ms ?? 0));
      return;
    }
    if (frame.t === "welcome") {
      this.#welcomed = true;
      this.#misses = 0;
      clearTimeout(this.#timers.welcome);
      clearTimeout(this.#timers.lost);
      this.#lostAt = 0;
      clearTimeout(this.#timers.healthy);
      this.#timers.healthy = setTimeout(() => { this.#tries = 0; this.#shortLives = 0; }, HEALTHY);
      const unanswered = [...this.#pending.keys()]; // what `heard` adds goes out by itself
      this.heard(frame);
      this.#become("live");
      for (const cid of unanswered) this.#send(cid);
      return;
    }
    if ((frame.t === "ack" || frame.t === "error") && this.#pending.has(frame.re ?? frame.cid)) {
      const cid = frame.re ?? frame.cid;
      const waiting = this.#pending.get(cid);
      clearTimeout(waiting.timer);
      if (frame.t === "error" && frame.code === "rate") {
        // Too fast: the server counted nothing, so the same command is said again when it allows.
        waiting.timer = setTimeout(() => this.#welcomed && this.#send(cid), frame.after_ms ?? 1000);
        return;
      }
      this.#pending.delete(cid);
      if (frame.t === "ack") waiting.resolve(frame);
      else waiting.reject(frame);
    }
    if (frame.t !== "pong") this.heard(frame);
  }

  #connect() {
    if (this.#stopped) return;
    const attempt = ++this.#attempt;
    clearInterval(this.#timers.watch);
    this.#timers.watch = setInterval(() => this.#watch(), 5_000);
    if (this.#polling) {
      this.#poll(attempt);
      return;
    }
    const address = new URL("v1/ws", this.base);
    address.protocol = address.protocol.replace("http", "ws");
    let socket;
    try {
      socket = new WebSocket(address, ["convokit.v1"]);
    } catch {
      this.#fallBack(); // sockets are forbidden here
      this.#connect();
      return;
    }
    let opened = false;
    const opening = setTimeout(() => { if (!opened) { socket.close(); ended(1006, ""); } }, OPENING);
    let over = false;
    const ended = (code, reason) => {
      clearTimeout(opening);
      if (over || attempt !== this.#attempt) return;
      over = true;
      if (!opened || !this.#welcomed) this.#misses += 1;
      else if (Date.now() - this.#openedAt < SHORT) this.#shortLives += 1;
      else this.#blocked = false;
      if (this.#misses >= 2 || this.#shortLives >= 3) this.#fallBack();
      this.#lost(code, reason);
    };
    socket.addEventListener("open", () => {
      clearTimeout(opening);
      opened = true;
      if (attempt !== this.#attempt) { socket.close(); return; }
      this.#socket = socket;
      this.#openedAt = this.#last = Date.now();
      socket.send(JSON.stringify(this.hello()));
      this.#timers.welcome = setTimeout(() => { socket.close(); ended(1006, ""); }, WELCOME);
    });
    socket.addEventListener("message", (event) => {
      if (attempt !== this.#attempt) return;
      let frame;
      try {
        frame = JSON.parse(event.data);
      } catch {
        return;
      }
      for (const one of frame.t === "batch" ? frame.frames : [frame]) this.#hear(one);
    });
    socket.addEventListener("close", (event) => ended(event.code, event.reason));
  }

  #fallBack() {
    this.#polling = true;
    this.#misses = this.#shortLives = this.#tries = 0; // another way is taken: at once
    sessionStorageSet("ck-polling", "1");
    clearTimeout(this.#timers.socket);
    this.#timers.socket = setTimeout(() => this.#trySocket(), this.#blocked ? AGAIN : SOON);
    this.#blocked = true;
  }

  #trySocket() {
    this.#unpoll();
    this.renew();
  }

  #unpoll() {
    this.#polling = false;
    this.#misses = 1; // one more, and it is polled again
    sessionStorageSet("ck-polling", "");
  }

  async #poll(attempt) {
    this.#sid = null;
    let failed = 0;
    while (attempt === this.#attempt && !this.#stopped) {
      const fresh = this.#sid === null;
      try {
        const said = await this.#post({ sid: this.#sid, wait: fresh ? 0 : HOLD, frames: fresh ? [this.hello()] : [] });
        if (attempt !== this.#attempt) return;
        this.#took(said);
        failed = 0;
      } catch (problem) {
        if (attempt !== this.#attempt) return;
        failed += 1;
        if (problem.status === 404 || problem.status === 410) { this.#sid = null; continue; }
        if (!problem.status) this.#unpoll(); // a server that is away altogether says nothing of sockets
        this.#lost(problem.close ?? 1006, problem.reason);
        return;
      }
    }
  }

  #took(said) {
    if (said.sid && said.sid !== this.#sid) this.#sid = said.sid;
    for (const frame of said.frames ?? []) this.#hear(frame);
    if (said.close) this.#lost(said.close.code, said.close.reason);
  }

  async #post(body, extra = {}) {
    const answer = await fetch(new URL("v1/poll", this.base), {
      method: "POST", credentials: "same-origin", body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", "X-Convokit": "1" }, ...extra,
    });
    if (!answer.ok) {
      const close = { 401: 4401, 403: 4403, 429: 4429 }[answer.status];
      throw Object.assign(new Error(`poll ${answer.status}`), { status: answer.status, close, reason: answer.headers.get("retry-after-ms") });
    }
    return answer.json();
  }

  #lost(code, reason = "") {
    this.#drop(4000);
    if (this.#stopped) return;
    if (code === 4401) {
      this.stop("signed_out");
      return;
    }
    if (code === 4403) {
      this.stop("forbidden");
      return;
    }
    if (!this.#lostAt) {
      this.#lostAt = Date.now();
      this.#timers.lost = setTimeout(() => !this.#welcomed && this.#become("lost"), 2_000);
    }
    if (code === 4429) {
      this.#later(Number(reason) || 10_000);
      return;
    }
    // Those who lost the line at the same instant do not come back at the same instant.
    const delay = Math.random() * Math.min(30_000, 500 * 2 ** this.#tries);
    this.#tries += 1;
    if (document.visibilityState === "hidden" && this.#tries > 5) return; // `#wake` brings it back
    this.#later(delay);
  }

  #later(delay) {
    clearTimeout(this.#timers.retry);
    this.#timers.retry = setTimeout(() => this.#connect(), delay);
  }

  #drop(code) {
    this.#attempt += 1;
    this.#welcomed = false;
    clearInterval(this.#timers.watch);
    for (const name of ["welcome", "wake", "healthy", "retry"]) clearTimeout(this.#timers[name]);
    const socket = this.#socket;
    this.#socket = null;
    this.#sid = null;
    if (socket && socket.readyState <= 1) socket.close(code);
  }

  #watch() {
    if (this.#socket && Date.now() - this.#last > DEAD) this.#lost(4000);
  }

  #wake(network = false) {
    if (this.#stopped) return;
    if (network && this.#polling) {
      this.#trySocket();
      return;
    }
    if (!this.#welcomed) {
      this.#tries = 0;
      this.#drop(4000);
      this.#later(0);
      return;
    }
    if (!this.#socket || Date.now() - this.#last < 5_000) return;
    this.#write([{ t: "ping", n: 1 }]);
    clearTimeout(this.#timers.wake);
    this.#timers.wake = setTimeout(() => { this.#tries = 0; this.renew(); }, WAKE);
  }
}

function sessionStorageGet(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function sessionStorageSet(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch { /* the fall-back is found again */ }
}
