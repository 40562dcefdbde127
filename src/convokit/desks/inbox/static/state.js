// What the page knows: the three lists, the open conversations, what is on its way to the server. It draws nothing.
import { kept, newId } from "./dom.js";
import { Line } from "./line.js";

const STALE = 600_000; // what is older is not sent by itself
const UNDO = 10_000;
const CACHED = 12;

// Comparing RFC 3339 times as text is a matter of their code units; `localeCompare` costs twenty times as much.
const text = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
/** Overdue and due soonest first, then who waits longest, then the newest: a total order. */
export function rank(a, b) {
  return text(a.due_at ?? "~", b.due_at ?? "~") || text(a.waiting_since ?? "~", b.waiting_since ?? "~")
    || text(b.at ?? "", a.at ?? "") || text(a.conv, b.conv);
}

/** One list of rows, always in order. */
export class Roll {
  rows = [];
  byId = new Map();
  lseq = null;
  total = 0;
  last = null; // the conversation below which the server has more
  asked = false;

  replace(rows) {
    this.last = rows.at(-1)?.conv ?? null;
    this.asked = false;
    this.byId = new Map(rows.map((row) => [row.conv, row]));
    this.rows = [...this.byId.values()].sort(rank);
  }

  #place(row) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rank(this.rows[middle], row) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  put(row) {
    const isNew = !this.remove(row.conv);
    this.byId.set(row.conv, row);
    this.rows.splice(this.#place(row), 0, row);
    if (isNew) this.total += 1;
    return isNew;
  }

  remove(conv) {
    const old = this.byId.get(conv);
    if (!old) return false;
    const at = this.#place(old);
    this.rows.splice(this.rows[at] === old ? at : this.rows.indexOf(old), 1);
    this.byId.delete(conv);
    return true;
  }

  gone(conv) {
    if (this.remove(conv)) this.total = Math.max(0, this.total - 1);
  }
}

/** A conversation that was opened: its log as far as it was read, and who speaks. */
class Talk {
  constructor(conv) {
    Object.assign(this, {
      conv, log: null, cur: 0, head: 0, entries: [], stash: new Map(), asked: 0, opened: false, more: false, failed: null,
      mode: null, epoch: 0, owner: null, handoff: null, profile: {}, user: {}, channel: "", context: {},
      seen: { user: 0, operator: 0 }, here: [], typing: null, lock: null, divider: null, used: 0,
    });
  }
}

export class Inbox {
  me = null;
  lists = { mine: new Roll(), queue: new Roll(), all: new Roll() };
  talks = new Map();
  operators = [];
  queues = [];
  offers = new Map();
  offered = new Map();
  limits = {};
  build = null;
  updated = false;
  offset = 0;
  current = null;
  closing = new Map();
  outbox = [];
  answers = [];
  #heard = new Map();
  #flying = new Map();
  #renewed = 0;

  constructor(base) {
    this.base = base;
    this.line = new Line({
      base, hello: () => this.#hello(), heard: (frame) => this.#take(frame), moved: () => this.tell("line"),
    });
    addEventListener("pagehide", () => this.#leave());
  }

  // ── telling those who draw ────────────────────────────────────────────────────────────────────────────────────────

  on(topic, heard) {
    if (!this.#heard.has(topic)) this.#heard.set(topic, []);
    this.#heard.get(topic).push(heard);
  }

  tell(topic, detail) {
    for (const heard of this.#heard.get(topic) ?? []) heard(detail);
  }

  now() {
    return Date.now() + this.offset;
  }

  row(conv) {
    return this.lists.mine.byId.get(conv) ?? this.lists.queue.byId.get(conv) ?? this.lists.all.byId.get(conv) ?? null;
  }

  talk(conv) {
    if (!this.talks.has(conv)) this.talks.set(conv, new Talk(conv));
    return this.talks.get(conv);
  }

  isMine(talk) {
    return talk.mode === "person" && talk.owner?.id === this.me?.id;
  }

  get lead() {
    return this.me?.role === "lead";
  }

  // ── what is kept on this device, for this operator ────────────────────────────────────────────────────────────────

  #key(name) {
    return `ck-inbox ${new URL(this.base).pathname} ${this.me?.id ?? ""} ${name}`;
  }

  keep(name, value) {
    kept.set(this.#key(name), value);
  }

  kept(name, fallback = null) {
    return kept.get(this.#key(name)) ?? fallback;
  }

  // ── lines ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #hello() {
    const lists = {};
    for (const [name, roll] of Object.entries(this.lists)) if (roll.lseq !== null) lists[name] = roll.lseq;
    const convs = {};
    const talk = this.current && this.talks.get(this.current);
    if (talk?.opened) convs[talk.conv] = { log: talk.log, after: talk.cur };
    for (const roll of Object.values(this.lists)) roll.asked = false;
    return { t: "hello", v: 1, can: ["batch"], lists, convs, lang: navigator.language, tz: Intl.DateTimeFormat().resolvedOptions().timeZone };
  }

  #take(frame) {
    const take = this[`_${frame.t}`];
    if (typeof take === "function") take.call(this, frame);
  }

  _welcome(frame) {
    const first = this.me === null;
    this.me = frame.me;
    this.operators = frame.operators ?? [];
    this.queues = frame.queues ?? [];
    this.limits = frame.limits ?? {};
    this.offset = frame.now ? Date.parse(frame.now) - Date.now() : 0;
    if (this.build === null) this.build = frame.build ?? null;
    else if (frame.build && frame.build !== this.build) this.updated = true;
    for (const [name, piece] of Object.entries(frame.lists ?? {})) {
      const roll = this.lists[name];
      if (!roll) continue;
      if (piece.snapshot ?? true) {
        roll.replace(piece.rows ?? []);
        roll.total = piece.total ?? roll.rows.length;
      } else {
        for (const row of piece.rows ?? []) if (row.gone) roll.gone(row.conv); else roll.put(row);
        if (piece.total !== undefined) roll.total = piece.total;
      }
      roll.lseq = piece.lseq ?? null;
    }
    if (first) {
      this.outbox = this.kept("outbox", []);
      for (const row of this.outbox) {
        if (row.state !== "failed") row.state = Date.now() - row.at > STALE ? "stale" : "queued";
      }
      for (const { conv, ...rest } of this.kept("closing", [])) this.#sendClose(conv, rest);
      this.keep("closing", null);
    }
    if (this.current) this.#open(this.current, { named: this.talks.get(this.current)?.opened });
    this.tell("welcome", { first });
    this.tell("me");
    this.tell("lists");
    this.tell("people");
    if (!first) for (const row of this.outbox) if (row.state === "queued" && Date.now() - row.at > STALE) this.#move(row, "stale");
    this.#pump();
  }

  _me(frame) {
    this.me = { ...this.me, ...(frame.me ?? frame) };
    delete this.me.t;
    this.tell("me");
  }

  _operators(frame) {
    this.operators = frame.operators ?? this.operators;
    this.tell("people");
  }

  _queues(frame) {
    this.queues = frame.queues ?? this.queues;
    this.tell("people");
  }

  // ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #next(frame) {
    const roll = this.lists[frame.list];
    if (!roll) return null;
    if (frame.lseq === undefined || roll.lseq === null || frame.lseq === roll.lseq + 1) {
      roll.lseq = frame.lseq ?? roll.lseq;
      return roll;
    }
    if (frame.lseq <= roll.lseq) return null;
    // Something was lost in between. The cursor brings it back; and never in a loop.
    if (Date.now() - this.#renewed > 30_000) {
      this.#renewed = Date.now();
      this.line.renew();
      return null;
    }
    roll.lseq = frame.lseq;
    return roll;
  }

  _row(frame) {
    const roll = this.#next(frame);
    if (!roll) return;
    const { t: _, list, lseq: __, ...row } = frame;
    const old = this.row(row.conv);
    const isNew = roll.put(row);
    if (frame.total !== undefined) roll.total = frame.total;
    this.tell("row", { list, row, old, isNew });
    this.#speaks(row);
  }

  /** What stands further down in a list is asked for when somebody comes near it. */
  further(name) {
    const roll = this.lists[name];
    if (roll.asked || !roll.last || roll.rows.length >= roll.total || !this.line.live) return;
    roll.asked = true;
    this.line.say({ t: "rows", list: name, after: roll.last, limit: 60 });
  }

  _rows({ list, rows = [], total, end }) {
    const roll = this.lists[list];
    if (!roll) return;
    for (const row of rows) roll.put(row);
    roll.last = end ? null : rows.at(-1)?.conv ?? null;
    roll.total = total ?? roll.total;
    roll.asked = false;
    this.tell("lists");
  }

  _gone(frame) {
    const roll = this.#next(frame);
    if (!roll) return;
    roll.gone(frame.conv);
    if (frame.total !== undefined) roll.total = frame.total;
    this.tell("row", { list: frame.list, gone: frame.conv });
  }

  #speaks(row) {
    const talk = this.talks.get(row.conv);
    if (!talk?.opened || row.epoch === undefined || row.epoch < talk.epoch) return;
    if (row.epoch > talk.epoch || row.mode !== talk.mode) this.#changed(talk, row);
  }

  #changed(talk, { mode, epoch, owner, at, until, why }) {
    const had = this.isMine(talk);
    talk.epoch = epoch ?? talk.epoch;
    talk.mode = mode ?? (owner ? "person" : talk.mode === "person" ? "waiting" : talk.mode);
    talk.owner = owner ?? null;
    talk.until = until ?? talk.until;
    talk.typing = null;
    if (had && !this.isMine(talk) && !talk.leaving) {
      talk.lock = { owner: talk.owner, at: at ?? new Date(this.now()).toISOString(), mode: talk.mode, why };
    } else if (this.isMine(talk)) {
      talk.lock = null;
    }
    talk.leaving = false;
    this.tell("talk", talk);
  }

  _lease(frame) {
    const talk = this.talks.get(frame.conv);
    if (!talk?.opened || (frame.epoch ?? 0) < talk.epoch) return;
    if (frame.epoch === talk.epoch && frame.owner?.id === talk.owner?.id) {
      talk.until = frame.until;
      return;
    }
    const mode = frame.owner ? "person" : { returned: "bot", closed: "closed", waiting: "waiting", transferred: "waiting" }[frame.why];
    this.#changed(talk, { ...frame, mode: frame.mode ?? mode });
  }

  // ── conversations ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Show a conversation; null: none. What is not shown is no longer streamed. */
  show(conv) {
    if (conv === this.current) return;
    if (this.current) {
      this.line.say({ t: "view", cid: newId(), conv: this.current, on: false });
      this.line.say({ t: "shut", conv: this.current });
      const left = this.talks.get(this.current);
      if (left) left.divider = null;
    }
    this.current = conv;
    if (!conv) return;
    const talk = this.talk(conv);
    talk.used = Date.now();
    talk.failed = null;
    this.#forget();
    if (this.line.live) this.#open(conv);
  }

  #forget() {
    const old = [...this.talks.values()].filter((one) => one.conv !== this.current).sort((a, b) => b.used - a.used);
    for (const talk of old.slice(CACHED)) if (!this.closing.has(talk.conv)) this.talks.delete(talk.conv);
  }

  /** `named`: hello has asked for it already. */
  #open(conv, { named = false } = {}) {
    const talk = this.talk(conv);
    if (!named) this.line.say({ t: "open", conv, ...(talk.opened ? { log: talk.log, after: talk.cur } : {}) });
    this.line.say({ t: "view", cid: newId(), conv, on: true });
  }

  _opened(frame) {
    const talk = this.talk(frame.conv);
    const entries = frame.entries ?? [];
    const fresh = !talk.opened || talk.log !== frame.log || (entries.length > 0 && entries[0].seq > talk.cur + 1);
    const had = this.isMine(talk);
    Object.assign(talk, {
      profile: frame.profile ?? {}, user: frame.user ?? {}, channel: frame.channel ?? "", context: frame.context ?? {},
      handoff: frame.handoff ?? null, seen: { user: 0, operator: 0, ...frame.seen }, opened: true, failed: null,
      mode: frame.mode, epoch: frame.epoch ?? 0, owner: frame.owner ?? null, head: frame.head ?? 0,
    });
    if (frame.here) talk.here = frame.here;
    if (had && !this.isMine(talk) && !this.closing.has(talk.conv)) {
      talk.lock = { owner: talk.owner, at: frame.now ?? new Date(this.now()).toISOString(), mode: talk.mode };
    }
    this.#adopt(talk, frame.draft);
    if (fresh) {
      talk.log = frame.log;
      talk.entries = [];
      talk.stash.clear();
      talk.cur = entries.length ? entries[0].seq - 1 : talk.head;
      for (const entry of entries) this.#enter(talk, entry, false);
      const unread = talk.entries.find((one) => one.by?.role === "visitor" && one.seq > talk.seen.operator);
      talk.divider = unread && talk.seen.operator > 0 ? unread.seq : null;
      this.tell("opened", talk);
    } else {
      for (const entry of entries) this.#enter(talk, entry, true);
      this.tell("talk", talk);
    }
    talk.more = (talk.entries[0]?.seq ?? 1) > 1;
  }

  _entry(frame) {
    const { t: _, conv, ...entry } = frame;
    const talk = this.talks.get(conv);
    if (!talk?.opened) return;
    if (entry.log && entry.log !== talk.log) {
      talk.opened = false;
      this.#open(conv);
      return;
    }
    this.#enter(talk, entry, true);
  }

  _page(frame) {
    const talk = this.talks.get(frame.conv);
    if (!talk) return;
    talk.loading = false;
    const entries = frame.entries ?? [];
    const first = talk.entries[0]?.seq ?? talk.cur + 1;
    const older = entries.filter((one) => one.seq < first);
    for (const entry of entries) if (entry.seq > talk.cur) this.#enter(talk, entry, true);
    if (older.length) talk.entries.unshift(...older);
    talk.more = (talk.entries[0]?.seq ?? 1) > 1 && (older.length > 0 || frame.start !== true);
    if (older.length || frame.start) this.tell("older", { talk, entries: older });
  }

  older(talk) {
    if (talk.loading || !talk.more || !this.line.live) return;
    talk.loading = true;
    this.line.say({ t: "more", conv: talk.conv, before: talk.entries[0].seq, limit: 50 });
  }

  #enter(talk, entry, live) {
    const mine = this.#sentAs(entry);
    if (mine) {
      entry.cid = mine.cid;
      this.#drop(mine);
    }
    if (entry.seq <= talk.cur) return;
    if (entry.seq > talk.cur + 1) {
      talk.stash.set(entry.seq, entry);
      if (!talk.asked) {
        const ask = () => {
          if (!talk.stash.size) { talk.asked = 0; return; }
          this.line.say({ t: "more", conv: talk.conv, after: talk.cur, limit: 50 });
          talk.asked = setTimeout(ask, 3_000);
        };
        ask();
      }
      return;
    }
    this.#apply(talk, entry, live);
    while (talk.stash.has(talk.cur + 1)) {
      const next = talk.stash.get(talk.cur + 1);
      talk.stash.delete(next.seq);
      this.#apply(talk, next, live);
    }
    if (!talk.stash.size && talk.asked) {
      clearTimeout(talk.asked);
      talk.asked = 0;
    }
  }

  #apply(talk, entry, live) {
    talk.cur = entry.seq;
    talk.head = Math.max(talk.head, entry.seq);
    talk.entries.push(entry);
    if (talk.typing && (talk.typing.by === "user" ? entry.by?.role === "visitor" : true)) talk.typing = null;
    if (live) this.tell("entry", { talk, entry });
  }

  #sentAs(entry) {
    return this.outbox.find((row) => row.cid === entry.cid || entry.id === `o:${this.me?.id}:${row.cid}`);
  }

  _typing(frame) {
    const talk = this.talks.get(frame.conv);
    if (!talk || frame.by === "operator") return;
    if (frame.on === false) talk.typing = null;
    else {
      const until = Date.now() + (frame.ttl ?? 6_000);
      talk.typing = { by: frame.by, name: frame.name, until };
      setTimeout(() => {
        if (talk.typing?.until === until) { talk.typing = null; this.tell("here", talk); }
      }, frame.ttl ?? 6_000);
    }
    this.tell("here", talk);
  }

  _here(frame) {
    const talk = this.talks.get(frame.conv);
    if (talk) {
      talk.here = frame.who ?? [];
      this.tell("here", talk);
    }
    const row = this.row(frame.conv);
    if (row) {
      for (const roll of Object.values(this.lists)) {
        const one = roll.byId.get(frame.conv);
        if (one) one.here = frame.who ?? [];
      }
      this.tell("row", { row });
    }
  }

  _seen(frame) {
    const talk = this.talks.get(frame.conv);
    if (!talk) return;
    const by = frame.by === "user" || frame.by === "them" ? "user" : "operator";
    talk.seen[by] = Math.max(talk.seen[by] ?? 0, frame.seq);
    this.tell("marks", talk);
  }

  _draft(frame) {
    const talk = this.talks.get(frame.conv);
    if (talk?.opened) this.#adopt(talk, frame);
  }

  _answers() {
    this.readAnswers().catch(() => {}); // they are read again at the next "/"
  }

  _error(frame) {
    if (frame.conv && !frame.re) {
      const talk = this.talks.get(frame.conv);
      if (talk && (frame.code === "not_found" || frame.code === "forbidden")) {
        talk.failed = frame.code;
        this.tell("talk", talk);
      }
    }
  }

  // ── offers ────────────────────────────────────────────────────────────────────────────────────────────────────────

  _offer(frame) {
    this.offers.set(frame.id, frame);
    this.tell("offers", { arrived: frame });
    setTimeout(() => this.offers.delete(frame.id) && this.tell("offers", {}), Math.max(0, Date.parse(frame.until) - this.now()));
  }

  _offered(frame) {
    const conv = this.offered.get(frame.id) ?? frame.conv;
    this.offered.delete(frame.id);
    if (this.offers.delete(frame.id)) this.tell("offers", {});
    this.tell("offered", { ...frame, conv });
  }

  async answerOffer(id, accepted) {
    const offer = this.offers.get(id);
    if (!offer) return;
    this.offers.delete(id);
    this.tell("offers", {});
    await this.line.command(accepted ? "accept" : "decline", { offer: id, conv: offer.conv });
  }

  // ── commands ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async take(conv) {
    const talk = this.talks.get(conv);
    const epoch = talk?.opened ? talk.epoch : this.row(conv)?.epoch;
    const ack = await this.line.command("take", { conv, epoch });
    if (talk?.opened && (ack.epoch ?? epoch + 1) > talk.epoch) {
      this.#changed(talk, { mode: "person", epoch: ack.epoch ?? epoch + 1, owner: { id: this.me.id, name: this.me.name } });
    }
    return ack;
  }

  async offer(talk, to, note) {
    const ack = await this.line.command("offer", { conv: talk.conv, epoch: talk.epoch, to, note });
    if (to.queue !== undefined) talk.leaving = true;
    else this.offered.set(ack.offer ?? ack.id, talk.conv);
    return ack;
  }

  giveBack(talk, note) {
    talk.leaving = true;
    return this.line.command("return", { conv: talk.conv, epoch: talk.epoch, note });
  }

  reopen(talk) {
    return this.line.command("reopen", { conv: talk.conv, epoch: talk.epoch });
  }

  assign(conv, to, reason, epoch) {
    return this.line.command("assign", { conv, to, reason, epoch: epoch ?? this.talks.get(conv)?.epoch ?? this.row(conv)?.epoch });
  }

  async setStatus(status) {
    await this.line.command("status", { status });
    this.me.status = status;
    this.tell("me");
  }

  /** Close after ten seconds, in which it can be undone; what the page leaves behind is sent when it goes. */
  close(talk, outcome, tags) {
    const conv = talk.conv;
    if (this.closing.has(conv)) return;
    const rest = { cid: newId(), epoch: talk.epoch, outcome, tags };
    this.closing.set(conv, { ...rest, timer: setTimeout(() => this.#closeNow(conv), UNDO) });
    this.keep("closing", this.#toClose());
    this.tell("talk", talk);
    this.tell("row", { row: this.row(conv) });
  }

  undoClose(conv) {
    const pending = this.closing.get(conv);
    if (!pending) return;
    clearTimeout(pending.timer);
    this.closing.delete(conv);
    this.keep("closing", this.#toClose());
    this.tell("talk", this.talk(conv));
    this.tell("row", { row: this.row(conv) });
  }

  #toClose() {
    return [...this.closing].map(([conv, { timer: _, ...rest }]) => ({ conv, ...rest }));
  }

  #closeNow(conv) {
    const { timer: _, ...rest } = this.closing.get(conv);
    this.#sendClose(conv, rest).finally(() => {
      this.closing.delete(conv);
      this.keep("closing", this.#toClose());
      this.tell("talk", this.talk(conv));
      this.tell("row", { row: this.row(conv) });
    });
  }

  async #sendClose(conv, { cid, epoch, outcome, tags }) {
    this.talk(conv).leaving = true;
    try {
      await this.line.command("close", { conv, epoch, outcome, tags }, cid);
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  #leave() {
    const frames = this.#toClose().map(({ conv, ...rest }) => ({ t: "close", conv, ...rest }));
    this.line.farewell(frames);
  }

  // ── what an operator writes ───────────────────────────────────────────────────────────────────────────────────────

  waitingIn(conv) {
    return this.outbox.filter((row) => row.conv === conv);
  }

  /** Put a reply or a note on its way; it is kept before it is drawn. */
  write(talk, { kind, text: words, files = [], canned }) {
    const row = {
      cid: newId(), conv: talk.conv, kind, text: words, files, canned, epoch: talk.epoch, at: Date.now(), state: "queued",
      mentions: kind === "note" ? this.operators.filter((one) => words.includes(`@${one.name}`)).map((one) => one.id) : [],
    };
    this.outbox.push(row);
    this.#save();
    this.tell("outbox", row);
    this.#pump();
    return row;
  }

  retry(row) {
    const talk = this.talks.get(row.conv);
    row.at = Date.now();
    if (row.code && talk) {
      row.epoch = talk.epoch; // the person looked and pressed again: what holds now is what they saw
      row.cid = row.code === "lease_lost" ? newId() : row.cid;
    }
    row.code = null;
    this.#move(row, "queued");
    this.#pump();
  }

  discard(row) {
    this.#drop(row);
    this.tell("outbox", row);
  }

  #drop(row) {
    this.outbox = this.outbox.filter((one) => one !== row);
    row.state = "gone";
    this.#save();
  }

  #save() {
    this.keep("outbox", this.outbox.length ? this.outbox : null);
  }

  #move(row, state) {
    row.state = state;
    this.#save();
    this.tell("outbox", row);
  }

  #pump() {
    if (!this.line.live) return;
    for (const row of this.outbox) {
      if (row.state !== "queued" || this.#flying.has(row.conv)) continue;
      this.#flying.set(row.conv, row.cid);
      this.#move(row, "sending");
      const body = row.kind === "note"
        ? { conv: row.conv, text: row.text, files: row.files.map((one) => one.id), mentions: row.mentions }
        : { conv: row.conv, epoch: row.epoch, text: row.text, files: row.files.map((one) => one.id), canned: row.canned };
      this.line.command(row.kind === "note" ? "note" : "send", body, row.cid).then((ack) => {
        const talk = this.talks.get(row.conv);
        // The entry may have come first, or belong to a conversation that is no longer streamed.
        if (row.state !== "gone" && (!talk?.opened || talk.conv !== this.current || (ack.seq ?? 0) <= talk.cur && ack.seq)) {
          this.#drop(row);
          this.tell("outbox", row);
        } else if (row.state !== "gone") this.#move(row, "sent");
      }, (problem) => {
        row.code = problem.code;
        row.problem = problem;
        if (problem.code === "lease_lost" || problem.code === "taken" || problem.code === "closed") {
          const talk = this.talk(row.conv);
          talk.lock = {
            owner: problem.owner ?? talk.owner, at: problem.at ?? new Date(this.now()).toISOString(),
            mode: problem.code === "closed" ? "closed" : talk.mode,
          };
          this.tell("talk", talk);
        }
        this.#move(row, "failed");
      }).finally(() => {
        this.#flying.delete(row.conv);
        this.#pump();
      });
    }
  }

  // ── drafts: of a conversation, not of the page ────────────────────────────────────────────────────────────────────

  draft(conv) {
    return this.kept(`draft ${conv}`) ?? { text: "", mode: "reply", start: 0, end: 0, at: 0, saved: true };
  }

  #drafting = new Map();

  setDraft(conv, draft) {
    const old = this.draft(conv);
    const changed = old.text !== draft.text || old.mode !== draft.mode;
    this.keep(`draft ${conv}`, { ...draft, at: this.now(), saved: changed ? false : old.saved });
    if (!changed) return;
    clearTimeout(this.#drafting.get(conv));
    this.#drafting.set(conv, setTimeout(() => this.#saveDraft(conv), 2_000));
  }

  async #saveDraft(conv) {
    const { text: words, mode } = this.draft(conv);
    try {
      await this.line.command("draft", { conv, text: words, mode });
    } catch {
      return; // it is kept here, and the next change is saved again
    }
    const now = this.draft(conv);
    if (now.text === words && now.mode === mode) this.keep(`draft ${conv}`, words ? { ...now, saved: true } : null);
  }

  #adopt(talk, saved) {
    if (saved === undefined) return;
    const theirs = typeof saved === "string" ? { text: saved } : saved ?? { text: "" };
    const ours = this.draft(talk.conv);
    if (!ours.saved) {
      this.#saveDraft(talk.conv); // written here, and not yet there
      return;
    }
    if (theirs.text === ours.text) return;
    const length = theirs.text.length;
    this.keep(`draft ${talk.conv}`, { text: theirs.text, mode: theirs.mode ?? ours.mode, start: length, end: length, at: this.now(), saved: true });
    this.tell("draft", talk);
  }

  // ── over HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async ask(path, { method = "GET", body, headers = {} } = {}) {
    const answer = await fetch(new URL(path, this.base), {
      method, credentials: "same-origin", cache: "no-cache",
      headers: { ...(method === "GET" ? {} : { "X-Convokit": "1" }), ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
      body: body ? JSON.stringify(body) : undefined,
    });
    if (answer.status === 401) this.line.stop("signed_out");
    if (!answer.ok) throw Object.assign(new Error(`${path} ${answer.status}`), { status: answer.status });
    return answer.status === 204 ? null : answer.json();
  }

  async readAnswers() {
    const read = await this.ask("v1/answers");
    this.answers = read.answers ?? read;
    this.tell("answers");
  }
}
