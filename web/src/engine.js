// Who answers: the local server, or the compiler in a worker of this page. Both take the same request and give the same
// answer. Of requests of one kind the newest wins: an older one that waits is dropped, and its promise gives null.

const BUDGET = 30_000; // milliseconds for one request in the page; then the worker is started again

export async function engine(say) {
  const found = await (await fetch("engine.json")).json();
  return found.engine === "server" ? new Server() : new Browser(found, say);
}

class Newest {
  #waiting = new Map();
  #running = new Set();

  // Ask when nothing of this kind is on its way; null for what a newer request replaces.
  ask(request, channel = request.kind) {
    return new Promise((resolve) => {
      this.#waiting.get(channel)?.resolve(null);
      this.#waiting.set(channel, { request, resolve });
      this.#next(channel);
    });
  }

  async #next(channel) {
    const asked = this.#waiting.get(channel);
    if (!asked || this.#running.has(channel)) return;
    this.#waiting.delete(channel);
    this.#running.add(channel);
    // A server ends what runs for long when a newer request comes; so that it comes, none waits longer than this.
    const patience = this.patience && setTimeout(() => this.#free(channel), this.patience);
    let answer;
    try {
      answer = await this.answer(asked.request);
    } catch (fault) {
      answer = { fault: String(fault?.message ?? fault), problems: [] };
    }
    clearTimeout(patience);
    asked.resolve(answer.fault === REPLACED ? null : answer);
    this.#free(channel);
  }

  #free(channel) {
    this.#running.delete(channel);
    this.#next(channel);
  }
}

const REPLACED = "a newer request took its place";

class Server extends Newest {
  kind = "server";
  patience = 400;
  #client = Math.random().toString(36).slice(2);

  async answer(request) {
    const response = await fetch(`api/ask?client=${this.#client}`, { method: "POST", body: JSON.stringify(request) });
    if (!response.ok) throw new Error((await response.text()).slice(0, 200) || "the server does not answer");
    return { problems: [], ...(await response.json()) };
  }

  async start() {
    const { start, fault } = await this.answer({ kind: "start" });
    if (!start) throw new Error(fault);
    return start;
  }

  async shipped() {
    return (await this.answer({ kind: "shipped" })).shipped ?? [];
  }

  async read() {
    const response = await fetch("api/file");
    return response.ok ? response.json() : { fault: await response.text() };
  }

  async write(text, digest) {
    const response = await fetch("api/file", { method: "PUT", body: JSON.stringify({ text, digest }) });
    return response.ok ? response.json() : { fault: await response.text(), conflict: response.status === 409 };
  }

  watch(changed, used) {
    const source = new EventSource("api/events");
    source.addEventListener("file", changed);
    source.addEventListener("used", used);
  }
}

class Browser extends Newest {
  kind = "browser";
  #found;
  #say;
  #worker;
  #asked = [];
  #current = null;
  #number = 0;

  constructor(found, say) {
    super();
    this.#found = found;
    this.#say = say;
    this.#begin();
  }

  async start() {
    return this.#found.start;
  }

  async shipped() {
    return this.#found.shipped;
  }

  // One request is with the worker at a time; of the others those that a writer waits for come first.
  answer(request) {
    return new Promise((resolve, reject) => {
      const asked = { request, resolve, reject };
      if (URGENT.has(request.kind)) this.#asked.unshift(asked);
      else this.#asked.push(asked);
      this.#next();
    });
  }

  #begin() {
    this.ready = false;
    this.#say("Starting the compiler in this page …");
    this.#worker = new Worker("worker.js", { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onerror = () => this.#hear({ failed: "the compiler does not start in this browser" });
  }

  #hear(message) {
    if (message.progress) this.#say(message.progress);
    else if (message.ready) {
      this.ready = true;
      this.#say("");
      this.#next();
    } else if (message.failed) {
      this.#say(message.failed);
      for (const asked of this.#asked.splice(0)) asked.reject(new Error(message.failed));
    } else if (this.#current && message.number === this.#number) {
      clearTimeout(this.#current.timer);
      this.#current.resolve({ problems: [], ...JSON.parse(message.answer) });
      this.#current = null;
      this.#next();
    }
  }

  #next() {
    if (!this.ready || this.#current || !this.#asked.length) return;
    this.#current = this.#asked.shift();
    this.#current.timer = setTimeout(() => this.#late(), BUDGET);
    this.#number += 1;
    this.#worker.postMessage({ number: this.#number, request: JSON.stringify(this.#current.request) });
  }

  #late() {
    this.#current.reject(new Error(`it takes more than ${BUDGET / 1000} seconds in this page`));
    this.#current = null;
    this.#worker.terminate();
    this.#begin();
  }
}

const URGENT = new Set(["complete", "hover", "view"]);
