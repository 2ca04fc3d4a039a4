import type { IncomingMessage, ServerResponse } from "node:http";
import { TailwakeError } from "tailwake";
import { type Clock, type Desk, parseTaskName, type TaskRecord } from "tailwake/operate";
import type { About, Live, SurveyMessage, TaskMessage } from "./messages.ts";
import { Poller } from "./poller.ts";
import { problemOf } from "./refusal.ts";
import { readTable, type TableRead } from "./table.ts";

const pauseMs = 2_000;

/** The data of all open pages: the table, and each task that a page shows. */
export class LiveUpdates {
  readonly table: Poller<Live<TableRead>>;
  readonly #desk: Desk;
  readonly #clock: Clock;
  readonly #about: About;
  readonly #tasks = new Map<string, Poller<TaskMessage>>();

  constructor(desk: Desk, clock: Clock, about: About) {
    this.#desk = desk;
    this.#clock = clock;
    this.#about = about;
    this.table = new Poller(() => this.#live(() => readTable(desk)), clock, pauseMs);
  }

  /** Sends updates to a page as server-sent events until it closes the connection. */
  stream(request: IncomingMessage, response: ServerResponse, task: string | undefined): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    const send = (event: string, message: SurveyMessage | TaskMessage) => {
      // Skip this update for a slow page; it gets the next one.
      if (!response.writableNeedDrain) response.write(`event: ${event}\ndata: ${JSON.stringify(message)}\n\n`);
    };
    const ends = [
      this.table.listen(({ now, value, error }) => {
        const about = this.#about;
        send("survey", error ? { now, about, error } : { now, about, value: value.survey });
      }),
    ];
    if (task !== undefined) ends.push(this.#listenToTask(task, (message) => send("task", message)));
    request.on("close", () => {
      for (const end of ends) end();
    });
  }

  /** Called after a change of a task, so that its pages see it at once. */
  hasChanged(task: string): void {
    this.#tasks.get(task)?.readSoon();
  }

  #listenToTask(name: string, listener: (message: TaskMessage) => void): () => void {
    const read = async () => this.#desk.check(await this.recordOf(name));
    const poller = this.#tasks.get(name) ?? new Poller<TaskMessage>(() => this.#live(read), this.#clock, pauseMs);
    this.#tasks.set(name, poller);
    const end = poller.listen(listener);
    return () => {
      end();
      if (!poller.hasListeners) this.#tasks.delete(name);
    };
  }

  /** The record of a task by its full name. Throws a `TailwakeError` ("unknown-task"). */
  async recordOf(name: string): Promise<TaskRecord> {
    const key = parseTaskName(name);
    const record = key && (await this.#desk.ports.store.get(key));
    if (record) return record;
    throw new TailwakeError({
      code: "unknown-task",
      subject: `task ${name}`,
      expected: "kind/activity@entity, of a task in the table",
      received: key ? "what no task has" : "another form",
    });
  }

  async #live<T>(read: () => Promise<T>): Promise<Live<T>> {
    const now = () => this.#desk.ports.clock.now();
    try {
      const value = await read();
      return { now: now(), value };
    } catch (error) {
      return { now: now(), error: problemOf(error).problem };
    }
  }
}
