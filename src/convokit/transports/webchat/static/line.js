/**
 * The line to the server: frames over a WebSocket or long polls, a cursor, an outbox that survives reloads, and tabs.
 *
 * The log is the truth: an entry is applied only in its turn, whatever the network repeats, drops or swaps; a message has
 * an id of its own from the moment it is written, so that it may be sent any number of times and is said once.
 */
const HEARTLESS = 40_000; // ms without a frame after which a line counts as dead
const UNANSWERED = 10_000; // ms a message may wait for its answer
const STALE = 600_000; // ms after which an unsent message asks before it goes
const FORGIVING = 30_000; // ms of health after which attempts count from 0 again
const ORPHANED = 15_000; // ms after which a row of another tab is sent by this one too

/** The page's storage; memory where it is forbidden or full. */
class Shelf {
  #memory = new Map();
  kept = true;

  constructor(prefix) {
    this.prefix = prefix;
    try {
      localStorage.setItem(`${prefix}?`, "");
      localStorage.removeItem(`${prefix}?`);
    } catch {
      this.kept = false;
    }
  }

  get(key) {
    if (this.#memory.has(key)) return this.#memory.get(key);
    if (!this.kept) return undefined;
    try {
      const text = localStorage.getItem(this.prefix + key);
      return text === null ? undefined : JSON.parse(text);
    } catch {
      return undefined; // not ours, or taken away since
    }
  }

  set(key, value) {
    try {
      if (!this.kept) throw new Error("forbidden");
      localStorage.setItem(this.prefix + key, JSON.stringify(value));
      this.#memory.delete(key);
    } catch {
      this.#memory.set(key, value);
    }
  }

  drop(key) {
    this.#memory.delete(key);
    if (this.kept) localStorage.removeItem(this.prefix + key);
  }

  keys(start) {
    const stored = this.kept ? Object.keys(localStorage).filter((key) => key.startsWith(this.prefix + start)) : [];
    return new Set([...stored.map((key) => key.slice(this.prefix.length)), ...[...this.#memory.keys()].filter((key) => key.startsWith(start))]);
  }
}

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export class Line {
  entries = new Map(); // seq → entry, for what was loaded
  rows = new Map(); // cid → what was not yet seen in the log
  cursor = 0;
  low = 1; // the lowest number loaded
  conv = null;
  log = null;
  mode = "bot";
  people = [];
  limits = {};
  seenMe = 0;
  seenThem = 0;
  gotThem = 0;
  status = "idle"; // connecting live lost offline unreachable signedout blocked
  bell = false;

  #on = false;
  #life = 0; // every attempt has a number: what an older one still says is not heard
  #ws = null;
  #sid = null;
  #polling = false;
  #barred = false;
  #aborts = new Set();
  #timers = {};
  #attempts = 0;
  #failures = 0; // in a row, without a welcome between them
  #unopened = 0;
  #short = 0;
  #faults = 0;
  #renewals = 0;
  #last = 0;
  #born = 0;
  #known = false; // a welcome was heard in this page
  #visited = false;
  #token = null;
  #flight = null;
  #stash = new Map();
  #want = 0;
  #acts = new Map();
  #chain = Promise.resolve();
  #goodbye = null;
  #parked = false;
  #order = 0;
  #held = 0;
  #typed = 0;
  #stop = new AbortController();

  /**
   * @param {{base: string, bot: string, hello: () => object, token: (() => Promise<string|null>)|null, say: (what: string, detail?: any) => void}} given
   */
  constructor({ base, bot, hello, token, say }) {
    Object.assign(this, { base, hello, token, say });
    this.shelf = new Shelf(`ck:${base}:${bot}:`);
    for (const key of this.shelf.keys("row:")) this.#adopt(this.shelf.get(key));
    this.rows = new Map([...this.rows].sort(([, a], [, b]) => a.at - b.at || a.order - b.order));
  }

  // ── life ──────────────────────────────────────────────────────────────────────────────────────────────────────

  start() {
    if (this.#on) return;
    this.#on = true;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.wake(), { signal });
    document.addEventListener("resume", () => this.wake(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.wake(), { signal });
    addEventListener("online", () => this.#online(), { signal });
    addEventListener("offline", () => this.status !== "live" && this.#lost(), { signal });
    addEventListener("pagehide", () => this.#hang(), { signal });
    this.tabs = new BroadcastChannel(`ck:${this.base}`);
    this.tabs.onmessage = ({ data }) => this.#heard(data);
    navigator.locks?.request("ck-bell", { signal }, () => {
      this.bell = true;
      return new Promise((free) => signal.addEventListener("abort", free));
    }).catch(() => (this.bell = false)); // the page was left while it waited
    this.#timers.beat = setInterval(() => this.#beat(), 5_000);
    this.#connect();
  }

  stop() {
    this.#on = false;
    this.#hang();
    this.#stop.abort();
    this.bell = false;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#timers = {};
    this.tabs?.close();
  }

  retry() {
    this.#attempts = 0;
    this.#renewals = 0;
    this.#hang();
    this.#connect();
  }

  wake() {
    if (!this.#on || ["blocked", "signedout"].includes(this.status)) return;
    if (this.status !== "live") return this.retry();
    if (Date.now() - this.#last <= 5_000) return;
    const heard = this.#last;
    this.#put({ t: "ping", n: heard });
    this.#after("wake", 3_000, () => heard === this.#last && this.retry());
  }

  #online() {
    if (this.#polling) this.#polling = false;
    this.wake();
  }

  #beat() {
    if (this.status === "live" && !this.#polling && Date.now() - this.#last > HEARTLESS) this.retry();
    else this.#pump();
  }

  #after(name, ms, then) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(then, ms);
  }

  /** As `#after`, but a call while one is due does not put it off. */
  #soon(name, ms, then) {
    this.#timers[name] ??= setTimeout(() => {
      this.#timers[name] = undefined;
      then();
    }, ms);
  }

  /** Let go of the line at hand without a word about it. */
  #hang() {
    this.#life += 1;
    for (const name of ["again", "open", "health", "answer", "gap", "wake", "socket"]) clearTimeout(this.#timers[name]);
    this.#timers.gap = undefined;
    this.#ws?.close(1000); // 1001, which would say more, is not for pages
    this.#ws = null;
    this.#sid = null;
    for (const abort of this.#aborts) abort.abort();
    this.#aborts.clear();
    if (this.#flight) this.#mark(this.#flight, "queued");
    this.#flight = null;
    if (this.status === "live") this.#turn("lost");
  }

  #turn(status) {
    if (status === this.status) return;
    this.status = status;
    this.say("status", status);
  }

  /** The line is gone: try again after a random while, longer each time. */
  #lost(wait) {
    const { retry_ms: least, spread_ms: spread } = this.#goodbye ?? {};
    this.#hang();
    if (!this.#on) return;
    const out = navigator.onLine === false;
    this.#turn(out ? "offline" : this.#failures >= 4 ? "unreachable" : this.status === "connecting" ? "connecting" : "lost");
    if (document.visibilityState === "hidden" && this.#attempts >= 5) return void (this.#parked = true);
    const random = Math.random() * Math.min(30_000, 500 * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#failures += 1;
    this.#after("again", wait ?? (this.#goodbye ? (least ?? 0) + Math.random() * (spread ?? 0) : random), () => this.#connect());
    this.#goodbye = null;
  }

  // ── opening ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #connect() {
    this.#parked = false;
    const life = (this.#life += 1);
    clearTimeout(this.#timers.again);
    if (["idle", "signedout"].includes(this.status)) this.#turn("connecting");
    const known = await this.#identify().catch((problem) => this.#code(problem.code ?? 1006, problem.reason, life));
    if (known !== true || life !== this.#life || !this.#on) return;
    if (this.#polling) this.#poll(life);
    else this.#dial(life);
  }

  /** Have what says who this is: the host's token, or a visitor's cookie or token. */
  async #identify() {
    const asked = this.token ? await this.token() : null;
    if (this.token && !asked) throw Object.assign(new Error("no token"), { code: 4401 });
    const kept = this.shelf.get("token");
    const changed = asked !== null && asked !== this.#token;
    this.#token = asked ?? kept ?? null;
    if (this.#visited && !changed) return true;
    const answer = await this.#fetch("v1/visit", asked && kept ? { was: kept } : {});
    this.#visited = true;
    if (answer.token && !asked) this.shelf.set("token", (this.#token = answer.token));
    if (asked && kept) this.shelf.drop("token");
    return true;
  }

  headers() {
    return { "X-Convokit": "1", ...(this.#token ? { Authorization: `Bearer ${this.#token}` } : {}) };
  }

  async #fetch(path, body, patience = 10_000) {
    const abort = new AbortController();
    const late = setTimeout(() => abort.abort(), patience);
    this.#aborts.add(abort);
    try {
      const answer = await fetch(new URL(path, this.base), {
        method: "POST", credentials: "include", cache: "no-store", signal: abort.signal, body: JSON.stringify(body),
        headers: { "Content-Type": "application/json", ...this.headers() },
      });
      if (answer.ok) return answer.status === 204 ? {} : await answer.json();
      const codes = { 400: 4400, 401: 4401, 403: 4403, 404: 4404, 413: 4413, 429: 4429 };
      const reason = String(Number(answer.headers.get("Retry-After") ?? 5) * 1000);
      throw Object.assign(new Error(`${path}: ${answer.status}`), { code: codes[answer.status] ?? 4503, reason });
    } finally {
      clearTimeout(late);
      this.#aborts.delete(abort);
    }
  }

  #hello() {
    const { conv, log, cursor: after } = this;
    return { t: "hello", v: 1, conv, log, after, can: ["choice", "file", "card", "location", "batch"], ...this.hello() };
  }

  #dial(life) {
    const address = new URL("v1/ws", this.base);
    address.protocol = address.protocol.replace("http", "ws");
    let ws;
    try {
      ws = new WebSocket(address, ["convokit.v1", ...(this.#token ? [`auth.${this.#token}`] : [])]);
    } catch {
      return this.#fall(); // sockets are forbidden here
    }
    this.#ws = ws;
    const current = () => life === this.#life;
    this.#after("open", 4_000, () => {
      if (!current()) return;
      this.#unopened += 1;
      if (this.#unopened >= 2) this.#fall();
      else this.#lost(0);
    });
    ws.onopen = () => {
      if (!current()) return;
      ws.send(JSON.stringify(this.#hello()));
      this.#after("open", 5_000, () => current() && this.#fall());
    };
    ws.onmessage = ({ data }) => current() && this.#frame(data);
    ws.onclose = ({ code, reason }) => {
      if (!current()) return;
      clearTimeout(this.#timers.open);
      const welcomed = this.status === "live";
      if (code === 1006 && !welcomed) this.#unopened += 1;
      this.#short = welcomed && code === 1006 && Date.now() - this.#born < 10_000 ? this.#short + 1 : 0;
      if (welcomed && !this.#short) this.#barred = false;
      if (this.#unopened >= 2 || this.#short >= 3) return this.#fall();
      this.#code(code, reason, life);
    };
  }

  /** Do what a close code says. */
  #code(code, reason, life) {
    if (life !== this.#life) return;
    this.#ws = null;
    if (code === 4403) {
      this.#hang();
      this.#turn("blocked");
    } else if (code === 4401) {
      this.#visited = false;
      if (!this.token) this.shelf.drop("token");
      this.#renewals += 1;
      if (this.#renewals <= (this.token ? 2 : 1)) return this.#lost(0);
      this.#hang();
      this.#turn("signedout");
    } else if (code === 4404) {
      this.#forget();
      this.#lost(this.#attempts ? undefined : 0);
    } else if (code === 4429) {
      this.#lost(Number(reason) || 5_000);
    } else if (code === 4400 || code === 4413) {
      this.say("fault", { code: "protocol", close: code, reason });
      this.#faults += 1;
      if (this.#faults === 2 && !this.#polling) return this.#fall();
      if (this.#faults > 2) this.#failures = Math.max(this.#failures, 4);
      this.#lost();
    } else {
      this.#lost();
    }
  }

  /** From here on in polls: sockets do not get through. */
  #fall() {
    this.#hang();
    this.#polling = true;
    this.#unopened = this.#short = 0;
    // A server that was away is mistaken for one that forbids sockets: once, it is looked at again soon.
    this.#after("socket", this.#barred ? 300_000 : 5_000, () => {
      [this.#polling, this.#unopened] = [false, 1];
      this.retry();
    });
    this.#barred = true;
    this.#connect();
  }

  async #poll(life) {
    let hasty = 0;
    while (life === this.#life) {
      const first = !this.#sid;
      const begun = Date.now();
      try {
        await this.#exchange(life, first ? [this.#hello()] : [], first ? 0 : 25_000);
      } catch (problem) {
        // A server that is away altogether says nothing of sockets.
        if (!problem.code && life === this.#life) [this.#polling, this.#unopened] = [false, 1];
        return this.#code(problem.code ?? 1006, problem.reason, life);
      }
      hasty = Date.now() - begun < 100 && !first ? hasty + 1 : 0;
      // A server that never holds a poll is not asked without a pause.
      if (hasty > 5) await new Promise((go) => this.#after("pause", 1_000, go));
    }
  }

  async #exchange(life, frames, wait) {
    const { conv, log, cursor: after } = this;
    const answer = await this.#fetch("v1/poll", { sid: this.#sid, conv, log, after, wait, frames }, wait + 15_000);
    if (life !== this.#life) return;
    if (answer.sid) this.#sid = answer.sid;
    for (const frame of answer.frames ?? []) if (life === this.#life) this.#hear(frame);
    if (answer.close && life === this.#life) throw Object.assign(new Error("closed"), answer.close);
  }

  #put(frame) {
    if (!this.#polling) {
      if (this.#ws?.readyState === 1) this.#ws.send(JSON.stringify(frame));
      return;
    }
    const life = this.#life;
    this.#chain = this.#chain.then(() => life === this.#life && this.#sid && this.#exchange(life, [frame], 0)).catch(
      (problem) => this.#code(problem.code ?? 1006, problem.reason, life),
    );
  }

  // ── hearing ───────────────────────────────────────────────────────────────────────────────────────────────────

  #frame(text) {
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return this.say("fault", { code: "bad_frame" });
    }
    const life = this.#life;
    for (const one of frame.t === "batch" ? frame.frames : [frame]) if (life === this.#life) this.#hear(one);
  }

  #hear(frame) {
    this.#last = Date.now();
    const heard = {
      welcome: () => this.#welcome(frame),
      entry: () => this.#arrive(frame),
      page: () => this.#paged(frame),
      ack: () => this.#acked(frame),
      error: () => this.#refused(frame),
      state: () => this.#state(frame),
      typing: () => this.say("typing", frame),
      seen: () => this.#marked(frame),
      got: () => this.#marked(frame, "got"),
      ping: () => this.#put({ t: "pong", n: frame.n }),
      auth: () => this.#renew(),
      goodbye: () => {
        this.#goodbye = frame;
        this.#lost();
      },
    };
    if (Object.hasOwn(heard, frame.t)) heard[frame.t]();
  }

  async #renew() {
    const life = this.#life;
    const token = await this.token?.().catch(() => null); // the server will say 4401 when it is too late
    if (token && life === this.#life) this.#put({ t: "auth", token: (this.#token = token) });
  }

  #welcome(frame) {
    clearTimeout(this.#timers.open);
    this.#born = Date.now();
    this.#unopened = 0;
    this.#failures = 0;
    this.#after("health", FORGIVING, () => {
      this.#attempts = this.#renewals = this.#short = this.#faults = 0;
    });
    const opened = this.status !== "live"; // else the server begins anew on the same line
    this.#who(frame.visitor);
    const first = !this.#known;
    const entries = (frame.entries ?? []).toSorted((a, b) => a.seq - b.seq);
    const other = this.log !== null && (frame.log ?? null) !== this.log;
    const start = frame.from ?? entries[0]?.seq ?? 1;
    const anew = first || frame.reset || frame.gap || other;
    if (anew) {
      this.#clear();
      this.cursor = start - 1;
      this.low = start;
    }
    this.conv = frame.conv ?? null;
    this.log = frame.log ?? null;
    this.#known = true;
    this.limits = frame.limits ?? this.limits;
    this.seenMe = Math.max(anew ? 0 : this.seenMe, frame.seen?.me ?? 0);
    this.seenThem = Math.max(anew ? 0 : this.seenThem, frame.seen?.them ?? 0);
    if (this.conv) this.shelf.set("live", 1);
    this.#turn("live");
    this.say("welcome", { ...frame, anew });
    this.#state(frame);
    for (const entry of entries) this.#arrive(entry, anew);
    this.say("ready", { anew });
    this.#count();
    this.#behind(frame.head ?? 0);
    if (this.seenMe > (frame.seen?.me ?? 0)) this.#put({ t: "seen", seq: this.seenMe });
    if (opened) for (const act of this.#acts.values()) this.#put(act.frame);
    this.#pump();
  }

  /** Somebody else than before is wiped; an anonymous visitor who signs in stays who they are. */
  #who(visitor) {
    if (!visitor?.id) return;
    const before = this.shelf.get("who");
    const grown = before?.kind === "anonymous" && visitor.kind === "customer";
    if (before && before.id !== visitor.id && !grown) this.#wipe();
    this.shelf.set("who", { id: visitor.id, kind: visitor.kind });
    this.visitor = visitor;
  }

  #arrive(entry, history = false) {
    if (entry.log && this.log && entry.log !== this.log) return this.#again();
    if (entry.log && !this.log) [this.log, this.conv] = [entry.log, entry.conv ?? this.conv];
    const row = entry.cid && this.rows.get(entry.cid);
    if (row) this.#settle(row);
    if (entry.seq <= this.cursor) return;
    this.#want = Math.max(this.#want, entry.seq);
    if (entry.seq !== this.cursor + 1) {
      this.#stash.set(entry.seq, entry);
      return this.#gap();
    }
    let next = entry;
    while (next) {
      this.cursor = next.seq;
      this.#stash.delete(next.seq);
      this.#apply(next, history);
      next = this.#stash.get(this.cursor + 1);
    }
    if (!history) {
      this.#soon("got", 1_000, () => this.#put({ t: "got", seq: this.cursor }));
      this.#count();
    }
    if (!this.#stash.size && this.cursor >= this.#want) this.#timers.gap = void clearTimeout(this.#timers.gap);
    if (row) this.#pump();
  }

  #apply(entry, history) {
    entry.heard = Date.now();
    if (entry.kind === "patch") {
      const [seq, old] = [...this.entries].find(([, one]) => one.id === entry.of) ?? [];
      if (old) this.entries.set(seq, Object.assign(old, entry.set));
      if (old) this.say("changed", old);
      return;
    }
    this.entries.set(entry.seq, entry);
    this.say("entry", { entry, history });
  }

  /** Something before it is missing: ask once, and again after a while. */
  #gap() {
    if (this.#timers.gap) return;
    this.#put({ t: "more", after: this.cursor, limit: 50 });
    this.#timers.gap = setTimeout(() => {
      this.#timers.gap = undefined;
      if (this.cursor < this.#want) this.#gap();
    }, 3_000);
  }

  #behind(head) {
    this.#want = Math.max(this.#want, head);
    if (this.cursor < this.#want) this.#gap();
  }

  #paged({ entries = [], start }) {
    const sorted = entries.toSorted((a, b) => a.seq - b.seq);
    const older = [];
    const before = this.cursor;
    for (const entry of sorted) {
      if (entry.seq > this.cursor) this.#arrive(entry);
      else if (entry.seq < this.low) older.push(entry);
      else if (this.entries.has(entry.seq)) {
        const known = Object.assign(this.entries.get(entry.seq), entry, { heard: Date.now() });
        this.say("changed", known);
      }
    }
    if (older.length) {
      this.low = older[0].seq;
      for (const entry of older) this.entries.set(entry.seq, Object.assign(entry, { heard: Date.now() }));
    }
    if (start === true && (older.length || this.loading)) this.low = 1;
    if (this.loading || older.length) this.say("older", older);
    this.loading = false;
    if (this.cursor > before && this.cursor < this.#want) {
      this.#timers.gap = void clearTimeout(this.#timers.gap);
      this.#gap();
    }
  }

  older() {
    if (this.loading || this.low <= 1 || this.status !== "live") return false;
    this.loading = true;
    this.#after("older", 5_000, () => (this.loading = false));
    this.#put({ t: "more", before: this.low, limit: 50 });
    return true;
  }

  /** Ask for an entry's files anew: their links live for ten minutes. */
  refresh(entry) {
    if (entry.seq) this.#put({ t: "more", after: entry.seq - 1, limit: 1 });
  }

  #state(frame) {
    if (frame.conv && !this.conv) [this.conv, this.log] = [frame.conv, frame.log ?? this.log];
    if (!frame.mode) return;
    this.mode = frame.mode;
    this.people = frame.people ?? [];
    this.queue = frame.queue ?? null;
    if ("away" in frame) this.away = frame.away;
    if ("reply_s" in frame) this.replySeconds = frame.reply_s;
    this.say("mode", this.mode);
  }

  #marked(frame, what = "seen") {
    if (frame.by === "me") {
      this.seenMe = Math.max(this.seenMe, frame.seq);
      this.#count();
    } else if (what === "got") this.gotThem = Math.max(this.gotThem, frame.seq);
    else if (frame.seq > this.seenThem) {
      this.seenThem = frame.seq;
      this.readAt = frame.at ?? new Date().toISOString();
    }
    this.say("marks");
  }

  #count() {
    const unread = [...this.entries.values()].filter((entry) => entry.seq > this.seenMe && entry.kind === "text" && entry.by?.role !== "visitor");
    this.say("unread", unread);
  }

  /** Everything up to here has been looked at. */
  seen(seq) {
    if (seq <= this.seenMe) return;
    this.seenMe = seq;
    this.#count();
    this.#tell({ k: "seen", conv: this.conv, seq });
    this.#soon("seen", 1_000, () => this.#put({ t: "seen", seq: this.seenMe }));
  }

  typing() {
    if (Date.now() - this.#typed < 3_000 || this.status !== "live") return;
    this.#typed = Date.now();
    this.#put({ t: "typing", on: true });
  }

  // ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Write a message: into the storage first, then onto the page, then to the server. */
  compose({ cid = newId(), text, files, choice }) {
    const row = { cid, at: Date.now(), order: (this.#order += 1), text, files, choice, state: files?.some((file) => !file.id) ? "uploading" : "queued" };
    this.rows.set(cid, row);
    this.#keep(row);
    this.say("row", row);
    this.#pump();
    return row;
  }

  #adopt(row) {
    if (!row?.cid || this.rows.has(row.cid)) return;
    if (!["failed", "stale"].includes(row.state)) row.state = Date.now() - row.at > STALE ? "stale" : "queued";
    this.#order = Math.max(this.#order, row.order ?? 0);
    this.rows.set(row.cid, row);
  }

  /** A row whose file is only in this page's memory cannot be kept: it is written when its file is on the server. */
  #keep(row) {
    if (row.files?.some((file) => !file.id)) return;
    const { cid, at, order, text, files, choice, state, code } = row;
    const kept = { cid, at, order, text, choice, state, code, files: files?.map(({ id, name, type, size, w, h }) => ({ id, name, type, size, w, h })) };
    this.shelf.set(`row:${cid}`, kept);
    this.#tell({ k: "row", row: kept });
  }

  #mark(row, state, code) {
    if (row.state === state && row.code === code) return;
    row.state = state;
    row.code = code;
    if (["failed", "stale", "queued"].includes(state) && this.rows.has(row.cid)) this.#keep(row);
    this.say("row", row);
  }

  uploaded(row) {
    this.#mark(row, "queued");
    this.#pump();
  }

  failed(row, code, figures) {
    row.figures = figures;
    this.#mark(row, "failed", code);
    this.#pump();
  }

  /** Send again, under the same id. */
  again(row) {
    row.at = Date.now();
    row.figures = undefined;
    this.#mark(row, row.files?.some((file) => !file.id) ? "uploading" : "queued");
    this.#pump();
  }

  discard(row) {
    this.#gone(row);
    this.#tell({ k: "gone", cid: row.cid });
    this.say("unrow", row);
    this.#pump();
  }

  #gone(row) {
    this.rows.delete(row.cid);
    this.shelf.drop(`row:${row.cid}`);
    if (this.#flight === row) {
      this.#flight = null;
      clearTimeout(this.#timers.answer);
    }
  }

  #settle(row) {
    if (row.state !== "sent" && !row.foreign) this.say("sent", row);
    this.#gone(row);
    this.#tell({ k: "gone", cid: row.cid });
  }

  /** Send the oldest row that may go; one is under way at a time, which keeps their order. */
  #pump() {
    if (this.status !== "live" || this.#flight || Date.now() < this.#held) return;
    for (const row of this.rows.values()) {
      if (row.state === "uploading") return void this.say("upload", row);
      if (row.state === "sent" || row.state === "failed" || row.state === "stale") continue;
      if (Date.now() - row.at > STALE) {
        this.#mark(row, "stale");
        continue;
      }
      if (row.foreign && Date.now() - row.at < ORPHANED) continue;
      this.#flight = row;
      this.#mark(row, "sending");
      const { cid, text, choice } = row;
      this.#put({ t: "send", cid, text, choice, files: row.files?.map((file) => file.id) });
      return this.#after("answer", UNANSWERED, () => this.#flight === row && this.retry());
    }
  }

  act(name, args = {}) {
    const frame = { t: "act", cid: newId(), name, args };
    return new Promise((done, failed) => {
      this.#acts.set(frame.cid, { frame, done, failed });
      if (this.status === "live") this.#put(frame);
    });
  }

  #acked(frame) {
    if (frame.log && !this.log) [this.log, this.conv] = [frame.log, frame.conv ?? this.conv];
    const act = this.#acts.get(frame.cid);
    if (act) {
      this.#acts.delete(frame.cid);
      return act.done(frame);
    }
    if (!this.shelf.get("live")) this.shelf.set("live", 1);
    const row = this.rows.get(frame.cid);
    if (row) {
      this.shelf.drop(`row:${row.cid}`);
      this.#mark(row, "sent");
      this.say("sent", row);
    }
    if (this.#flight?.cid === frame.cid || !this.#flight) {
      this.#flight = null;
      clearTimeout(this.#timers.answer);
      // An entry that does not follow was lost on its way.
      if (frame.seq > this.cursor) this.#after("behind", 1_500, () => this.#behind(frame.seq));
      this.#pump();
    }
  }

  #refused({ re, code, retry, after_ms: wait = 2_000 }) {
    const act = this.#acts.get(re);
    if (act) {
      this.#acts.delete(re);
      act.failed(Object.assign(new Error(code), { code }));
      return;
    }
    const row = this.rows.get(re);
    if (!row) return this.say("fault", { code });
    this.#flight = null;
    clearTimeout(this.#timers.answer);
    if (code === "closed") {
      this.discard(row);
      this.say("returned", row);
    } else if (retry === "after" || retry === "same" || code === "rate" || code === "unavailable") {
      this.#mark(row, "queued");
      this.#held = Date.now() + wait;
      this.say("held", { code, wait });
      this.#after("held", wait + 1, () => this.#pump());
      return;
    } else if (code === "auth_required") {
      this.#mark(row, "queued");
      return this.#code(4401, "", this.#life);
    } else this.#mark(row, "failed", code);
    this.say("fault", { code, cid: re });
    this.#pump();
  }

  // ── several tabs, several people ──────────────────────────────────────────────────────────────────────────────

  #tell(message) {
    if (this.#on) return this.tabs.postMessage(message);
    const tabs = new BroadcastChannel(`ck:${this.base}`);
    tabs.postMessage(message);
    tabs.close();
  }

  draft(text) {
    if (text === (this.shelf.get("draft") ?? "")) return;
    if (text) this.shelf.set("draft", text);
    else this.shelf.drop("draft");
    this.#tell({ k: "draft", text });
  }

  #heard(message) {
    if (message.k === "seen" && message.conv === this.conv) this.#marked({ by: "me", seq: message.seq });
    else if (message.k === "draft") this.say("draft", message.text);
    else if (message.k === "out") {
      this.#wipe(false);
      this.say("out");
    } else if (message.k === "new") this.#again();
    else if (message.k === "gone") {
      const row = this.rows.get(message.cid);
      if (!row) return;
      if (this.#flight === row) this.#flight = null;
      this.rows.delete(message.cid);
      this.say("unrow", row);
    } else if (message.k === "row") {
      const row = this.rows.get(message.row.cid);
      if (row && !row.foreign) return;
      const known = [...this.entries.values()].some((entry) => entry.cid === message.row.cid);
      if (known) return;
      const next = Object.assign(row ?? { foreign: true }, message.row);
      this.rows.set(next.cid, next);
      this.say("row", next);
    }
  }

  #clear() {
    this.entries.clear();
    this.#stash.clear();
    this.#want = 0;
    this.cursor = 0;
    this.low = 1;
    this.seenMe = this.seenThem = this.gotThem = 0;
    this.readAt = undefined;
    this.loading = false;
    this.say("reset");
  }

  #forget() {
    this.conv = this.log = null;
    this.#known = false;
    this.#clear();
  }

  #again() {
    this.#forget();
    this.retry();
  }

  /** Begin a new conversation: the server ended with the old one. */
  async anew() {
    await this.act("new");
    this.#tell({ k: "new" });
    if (this.conv) this.#again(); // else the server has welcomed to an empty one already
  }

  /** Nothing of who was here stays. */
  #wipe(store = true) {
    for (const row of [...this.rows.values()]) this.say("unrow", row);
    this.rows.clear();
    this.#flight = null;
    this.#acts.clear();
    if (store) for (const key of this.shelf.keys("")) if (key !== "sound" && key !== "token") this.shelf.drop(key);
    this.#forget();
    this.say("wiped");
  }

  async out() {
    await this.#fetch("v1/visit", { out: true }).catch((problem) => this.say("fault", { code: "unavailable", reason: problem.message }));
    this.#tell({ k: "out" });
    this.#wipe();
    this.shelf.drop("token");
    this.#token = null;
    this.#visited = false;
    this.stop();
    this.status = "idle";
  }
}
