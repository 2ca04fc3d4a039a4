import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Console, startConsole } from "../../console/server.ts";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { Desk } from "../../functions/operate/desk.ts";
import { startTask } from "../../functions/run/start.ts";
import { recordTick } from "../../functions/tick/last-tick.ts";
import { reader, thing, World } from "../support/world.ts";

/** What an activity throws, by its thing: what is not here does not fail. */
export const failing = defineProcessor(thing, {
  name: "fragile",
  parkAfterAttempts: 1,
  processEvents: async (run) => {
    throw new Error(`printer ${run.address.thingId.length} is on fire`);
  },
});

/** A world with three tasks that have caught up and two that are parked, and a desk of it. */
export async function deskWorld() {
  const world = new World({ activities: [lazy(reader), lazy(failing)] });
  for (const thingId of ["aa1", "aa2", "b"]) {
    world.append(thingId, "e1", "e2");
    await startTask(world.ports, reader, { thingId });
  }
  for (const thingId of ["c", "dd"]) await startTask(world.ports, failing, { thingId });
  await world.drain();
  await recordTick(world.ports.control, { at: world.clock.now(), report: {} });
  return { world, desk: new Desk(world.ports, ["things"]) };
}

/** A console over a desk, with a page that is two words. */
export async function plainConsole(world: World, desk: Desk, kill?: () => Promise<number>) {
  const pageFolder = mkdtempSync(join(tmpdir(), "tailwake-console-"));
  for (const file of ["page.js", "page.css"]) writeFileSync(join(pageFolder, file), `/* ${file} */`);
  const console = await startConsole({ desk, by: "kim", deployment: "test", pageFolder, clock: world.clock, kill });
  rmSync(pageFolder, { recursive: true });
  return new Client(console);
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** A browser, as far as its headers go, and no further than a test says. */
export class Client {
  readonly console: Console;
  readonly origin: string;
  /** Set by {@link enter}. */
  cookie = "";
  path = "";

  constructor(console: Console) {
    this.console = console;
    this.origin = new URL(console.url).origin;
  }

  send(path: string, { method = "GET", headers = {}, body }: Sent = {}): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const sent = request(new URL(this.origin), { method, headers, path, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  /** Opens the printed URL, and keeps what it was given. */
  async enter(): Promise<Answered> {
    const { pathname, search } = new URL(this.console.url);
    const answered = await this.send(`${pathname}${search}`);
    this.cookie = String(answered.headers["set-cookie"]).split(";")[0] ?? "";
    this.path = /url=([^"]+)"/.exec(answered.text)?.[1] ?? "";
    return answered;
  }

  /** The headers of a request by the page. */
  get own() {
    return { cookie: this.cookie, "sec-fetch-site": "same-origin" };
  }

  async get(path: string): Promise<{ readonly status: number; readonly value: unknown }> {
    const { status, text } = await this.send(`${this.path}api/${path}`, { headers: this.own });
    return { status, value: JSON.parse(text) };
  }

  async post(path: string, body: unknown): Promise<{ readonly status: number; readonly value: unknown }> {
    const headers = { ...this.own, origin: this.origin, "content-type": "application/json" };
    const sent = { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) };
    const { status, text } = await this.send(`${this.path}api/${path}`, sent);
    return { status, value: JSON.parse(text) };
  }

  /** Listens to the live stream until `signal` aborts; returns what takes the next message of a name. */
  live(query: string, signal: AbortSignal): <T>(event: string) => Promise<T> {
    const messages = this.#messages(query, signal);
    const passed: Message[] = [];
    return async <T>(event: string) => {
      const before = passed.findIndex((message) => message.event === event);
      if (before >= 0) return passed.splice(before, 1)[0]?.data as T;
      for (;;) {
        const { value } = await messages.next();
        if (!value) throw new Error(`the stream has ended before another ${event}`);
        if (value.event === event) return value.data as T;
        passed.push(value);
      }
    };
  }

  async *#messages(query: string, signal: AbortSignal): AsyncGenerator<Message, undefined> {
    const response = await fetch(`${this.origin}${this.path}api/live${query}`, { headers: this.own, signal });
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const [, event = "", data = ""] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        yield { event, data: JSON.parse(data) };
      }
    }
    return undefined;
  }
}

interface Message {
  readonly event: string;
  readonly data: unknown;
}
