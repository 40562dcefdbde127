// Drives the published Direct Line client; reads commands as lines of JSON, writes what the client tells in the same way.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
globalThis.WebSocket ??= require("ws");

// The client was written for browsers: this is as much of their XMLHttpRequest as it uses, on Node's own fetch.
globalThis.XMLHttpRequest = class {
  readyState = 0;
  status = 0;
  response = null;
  responseText = "";
  responseType = "";
  timeout = 0;
  upload = {};
  #headers = {};
  #got = new Headers();
  open(method, url) {
    this.method = method;
    this.url = url;
    this.#turn(1);
  }
  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }
  getResponseHeader(name) {
    return this.#got.get(name);
  }
  getAllResponseHeaders() {
    return [...this.#got].map(([name, value]) => `${name}: ${value}`).join("\r\n");
  }
  abort() {}
  #turn(state) {
    this.readyState = state;
    this.onreadystatechange?.({});
  }
  async send(body) {
    try {
      const answer = await fetch(this.url, { method: this.method, headers: this.#headers, body });
      const raw = await answer.arrayBuffer();
      this.status = answer.status;
      this.#got = answer.headers;
      this.responseText = new TextDecoder().decode(raw);
      if (this.responseType === "arraybuffer") this.response = raw;
      else if (this.responseType === "json") this.response = this.responseText ? JSON.parse(this.responseText) : null;
      else this.response = this.responseText;
    } catch {
      this.status = 0;
    }
    this.#turn(4);
    this.onload?.({});
  }
};

const { DirectLine } = require("botframework-directlinejs");
const tell = (what, told) => console.log(JSON.stringify({ what, ...told }));
const fault = (error) => ({ status: error?.status ?? 0, message: String(error?.message ?? error) });
let line;
let following;

const commands = {
  connect(options) {
    following?.unsubscribe();
    // Reconnecting waits for a random time of 3 to 15 seconds: for the shortest of them.
    line = new DirectLine({ ...options, random: () => 0 });
    line.connectionStatus$.subscribe((status) => tell("status", { status, conversation: line.conversationId ?? "" }));
    following = line.activity$.subscribe(
      (activity) => tell("activity", { activity, watermark: line.watermark }),
      (error) => tell("broken", fault(error)),
    );
  },
  post({ activity }) {
    line.postActivity(activity).subscribe((id) => tell("posted", { id }), (error) => tell("unposted", fault(error)));
  },
  refresh() {
    const was = line.token;
    line.refreshToken().subscribe(
      (token) => {
        line.token = token;
        tell("refreshed", { changed: token !== was });
      },
      (error) => tell("unrefreshed", fault(error)),
    );
  },
  told() {
    const { conversationId, token, watermark, streamUrl } = line;
    tell("told", { conversationId, token, watermark, streamUrl, user: line.parseToken(token) ?? "" });
  },
  end() {
    line.end();
    process.exit(0);
  },
};

for await (const text of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(text);
  commands[command](given);
}
