import { Code, ConnectError, type ConnectRouter, createRouterTransport } from "@connectrpc/connect";
import { defineProcessor, type Task } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import type { SignalSource } from "../../functions/contract/signal-source.ts";
import { defineStream } from "../../functions/contract/stream.ts";
import { eventId } from "../../functions/contract/tail.ts";
import type { Bound } from "../../functions/engines/binding.ts";
import type { Invocation, Limits, Ports } from "../../functions/engines/ports.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { type Delivery, runBatch } from "../../functions/queue/batch.ts";
import type { ControlStore } from "../../functions/tasks/control.ts";
import { MemoryTaskStore } from "../../functions/tasks/memory.ts";
import { MemoryControlStore } from "../../functions/tasks/memory-control.ts";
import { type TaskKey, type TaskRecord, taskName } from "../../functions/tasks/record.ts";
import type { TaskStore } from "../../functions/tasks/store.ts";
import { CheckedTaskStore } from "../../functions/testing/checked-store.ts";
import { type TickReport, tick } from "../../functions/tick/tick.ts";
import { Credentials } from "../../functions/upstream/credentials.ts";
import { UpstreamHealth } from "../../functions/upstream/health.ts";
import { encodeBusEvent } from "../../functions/wake/envelope.ts";
import type { MemoryAlarms } from "../../functions/wake/memory.ts";
import type { WakeMessage } from "../../functions/wake/wake.ts";
import { memoryPorts } from "./ports.ts";
import { TestClock } from "./test-clock.ts";

const text = new TextDecoder();
const bytes = new TextEncoder();

/** A kind whose ids are short texts and whose events are texts; the server is {@link World}'s own. */
export const thing = defineStream({
  kind: "thing",
  upstream: "things",
  method: Repos.method.events,
  address: ["thingId"],
  request: ({ thingId }, { after, watch }) => ({
    repo: bytes.encode(thingId),
    watch,
    ...(after === undefined ? {} : { after: bytes.encode(after) }),
  }),
  read: ({ events, willBlock }) => ({
    events: events.map(({ id, fsoRepoErrorMessage }) => ({ id: eventId(text.decode(id)), event: fsoRepoErrorMessage })),
    willBlock,
  }),
  tailUnknown: ({ rawMessage }) => rawMessage.includes("not found"),
  signals: [
    {
      source: "things",
      detailType: "ThingChanged",
      address: (detail) => {
        const { id } = Object(detail);
        return typeof id === "string" ? { thingId: id } : undefined;
      },
    },
  ],
});

/** One message of a stream: an event, or willBlock. */
export interface Sent {
  /** Id of the event. */
  readonly id?: string;
  readonly willBlock: boolean;
}

/** The request of a stream. */
export interface Asked {
  /** The aggregate's id in signals. */
  readonly thingId: string;
  /** An event id; "" at the epoch. */
  readonly after: string;
  readonly watch: boolean;
  readonly signal: AbortSignal;
  /** The server's error for an unknown `after`. If "", the server sends no events and no error. */
  readonly tailUnknown: string;
  /** Heartbeat interval of a watching stream; none if undefined. */
  readonly heartbeatMs?: number;
}

/** The streaming methods of a {@link World}'s server; each maps its requests and messages to those of `serve`. */
export type Routes = (router: ConnectRouter, serve: (asked: Asked) => AsyncIterable<Sent>) => void;

const thingRoutes: Routes = (router, serve) => {
  router.rpc(Repos.method.events, async function* ({ repo, after, watch }, { signal }) {
    const asked = { thingId: text.decode(repo), after: text.decode(after), watch, signal, tailUnknown: "not found" };
    for await (const { id, willBlock } of serve(asked)) {
      yield id === undefined
        ? { willBlock }
        : { events: [{ id: bytes.encode(id), fsoRepoErrorMessage: `event ${id}` }], willBlock };
    }
  });
};

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface WorldOptions {
  readonly activities: readonly Bound[];
  readonly roots?: readonly Task[];
  readonly store?: TaskStore;
  readonly control?: ControlStore;
  readonly limits?: Partial<Limits>;
  readonly signalSources?: readonly SignalSource[];
  /** Those of {@link thing} if absent. */
  readonly routes?: Routes;
}

/** Reads its stream to the head and does nothing. */
export const reader = defineProcessor(thing, {
  name: "reader",
  async processEvents(run, stream) {
    let tail = run.tail;
    for await (const { id } of stream) tail = id;
    return caughtUp(tail);
  },
});

/** The engines' ports in memory: histories, table, alarms, and a clock that tests advance. */
export class World {
  readonly clock = new TestClock();
  readonly store: TaskStore;
  readonly alarms: MemoryAlarms;
  readonly log: LogLine[] = [];
  /** Every request for a stream: the thing, and the event after which it starts. */
  readonly opened: { readonly thingId: string; readonly after: string }[] = [];
  readonly histories = new Map<string, string[]>();
  /** Called before a stream answers; may throw the server's error. */
  onOpen: (thingId: string, after: string) => void | Promise<void> = () => {};
  /** Called before each event is sent. */
  onEvent: (thingId: string, id: string) => void | Promise<void> = () => {};
  /** Whether watching streams end at the head, as on a server that cannot watch. */
  endWatches = false;
  openStreams = 0;
  /** Called when a watching stream has nothing more to send. */
  readonly #watching = new Map<string, Set<() => void>>();
  readonly health = new UpstreamHealth();
  /** The random numbers of the engines, in [0, 1). */
  random: () => number = () => 0.5;
  readonly abandoned: string[] = [];
  readonly ports: Ports;
  readonly #roots: readonly Task[];
  #messages = 0;

  constructor({
    activities,
    roots = [],
    store,
    control = new MemoryControlStore(),
    limits = {},
    signalSources = [],
    routes = thingRoutes,
  }: WorldOptions) {
    this.#roots = roots;
    this.store = store ?? new CheckedTaskStore(this.clock);
    if (this.store instanceof CheckedTaskStore) this.store.clock = this.clock;
    const transport = createRouterTransport((router) => routes(router, (asked) => this.#serve(asked)));
    const connection = {
      transport,
      credentials: new Credentials(undefined),
      health: this.health,
      maxOpenStreams: undefined,
      silenceMs: 20_000,
      idleLimitMs: undefined,
      close() {},
    };
    const line =
      (level: string) =>
      (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
        void this.log.push({ level, message, fields });
    const log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
    const ports = memoryPorts({
      activities,
      store: this.store,
      control,
      clock: this.clock,
      log,
      limits,
      signalSources,
      upstream: connection,
      random: () => this.random(),
    });
    this.alarms = ports.alarms;
    this.ports = ports;
  }

  async *#serve({ thingId, after, watch, signal, tailUnknown, heartbeatMs }: Asked): AsyncGenerator<Sent> {
    this.openStreams++;
    let isOpen = true;
    const close = () => {
      if (isOpen) this.openStreams--;
      isOpen = false;
    };
    // A generator that waits for its client is not resumed when the client disconnects.
    signal.addEventListener("abort", close, { once: true });
    try {
      this.opened.push({ thingId, after });
      await this.onOpen(thingId, after);
      const history = this.histories.get(thingId) ?? [];
      let next = after === "" ? 0 : history.indexOf(after) + 1;
      if (after !== "" && next === 0) {
        if (tailUnknown !== "") throw new ConnectError(tailUnknown, Code.Unknown);
        next = history.length;
      }
      do {
        for (let ids = this.histories.get(thingId) ?? []; next < ids.length; next++) {
          const id = ids[next] ?? "";
          await this.onEvent(thingId, id);
          yield { id, willBlock: false };
        }
        if (!watch) return;
        yield { willBlock: true };
        if (this.endWatches) return;
        await this.#untilAppended(thingId, next, signal, heartbeatMs);
      } while (!signal.aborted);
    } finally {
      close();
    }
  }

  /** Adds events to a thing's history. Only watching streams notice. */
  append(thingId: string, ...ids: string[]): void {
    this.histories.set(thingId, [...(this.histories.get(thingId) ?? []), ...ids]);
    for (const tell of this.#watching.get(thingId) ?? []) tell();
  }

  async #untilAppended(thingId: string, known: number, signal: AbortSignal, heartbeatMs?: number): Promise<void> {
    const watching = this.#watching.get(thingId) ?? new Set();
    this.#watching.set(thingId, watching);
    if (signal.aborted || (this.histories.get(thingId)?.length ?? 0) > known) return;
    const over = new AbortController();
    const tell = () => over.abort();
    watching.add(tell);
    signal.addEventListener("abort", tell, { once: true });
    await this.clock.sleep(heartbeatMs ?? Number.POSITIVE_INFINITY, over.signal);
    signal.removeEventListener("abort", tell);
    watching.delete(tell);
  }

  signal(thingId: string): Promise<void> {
    return this.alarms.send([{ class: "signal", entity: thingId, kind: "thing" }]);
  }

  /** An invocation with 120 s. */
  invocation(remainingMs = 120_000): Invocation & { readonly controller: AbortController } {
    const controller = new AbortController();
    const hardEnd = this.clock.now() + remainingMs;
    return {
      controller,
      signal: controller.signal,
      deadline: hardEnd - 8_000,
      abandonAt: hardEnd - 3_000,
      hardEnd,
      abandoned: (task) => this.abandoned.push(task),
    };
  }

  /** Delivers messages to one invocation as one batch. Returns the errors of failed deliveries. */
  async deliver(messages: readonly (WakeMessage | object)[], invocation = this.invocation()): Promise<unknown[]> {
    const deliveries = messages.map(
      (message): Delivery => ({ id: `message-${++this.#messages}`, body: busEvent(message) }),
    );
    return [...(await runBatch(this.ports, deliveries, invocation)).values()];
  }

  /** Delivers all pending messages, and those that they cause, until none is left. */
  async drain(): Promise<unknown[]> {
    const errors: unknown[] = [];
    for (let deliveryCount = 0; deliveryCount < 1000; deliveryCount++) {
      const messages = this.alarms.take();
      const quarantined = this.alarms.quarantined.splice(0);
      if (messages.length === 0 && quarantined.length === 0) return errors;
      if (messages.length > 0) errors.push(...(await this.deliver(messages)));
      for (const one of quarantined) errors.push(...(await this.deliver([one])));
    }
    throw new Error("the wakes do not come to an end");
  }

  /** Advances to the next alarm and drains, until `until` or until no alarm is left. */
  async drainUntil(until: number): Promise<void> {
    for (;;) {
      await this.drain();
      const next = this.alarms.next;
      if (next === undefined || next > until) break;
      await this.clock.advance(next - this.clock.now());
    }
    await this.clock.advance(until - this.clock.now());
    await this.drain();
  }

  /** Stores a record past the protocol, as no write of it could: for what a test begins with. */
  seed(record: TaskRecord): void {
    if (!(this.store instanceof MemoryTaskStore)) throw new Error("only a table in memory takes any record");
    this.store.put(record);
  }

  /** Changes a record past the protocol. */
  async edit(key: TaskKey, changes: Partial<TaskRecord>): Promise<void> {
    const record = await this.store.get(key);
    if (!record) throw new Error(`expected a record of ${taskName(key)}, found none`);
    this.seed({ ...record, ...changes });
  }

  tick(): Promise<TickReport> {
    return tick(this.ports, this.#roots, { checks: 1000, concurrency: 5 }, this.invocation(60_000));
  }

  /** The record of a thing's task; of its only activity if not named. */
  async record(thingId: string, activity?: string): Promise<TaskRecord> {
    const { tasks } = await this.store.tasksOf(thingId);
    const found = tasks.filter((record) => activity === undefined || record.activity === activity);
    if (found.length !== 1 || !found[0]) throw new Error(`${found.length} tasks of ${thingId}: ${found.map(taskName)}`);
    return found[0];
  }
}

/** A message as delivered by the queue. */
export function busEvent(message: WakeMessage | object): string {
  return "class" in message ? encodeBusEvent(message as WakeMessage) : JSON.stringify(message);
}
