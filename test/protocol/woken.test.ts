import { describe, expect, it } from "vitest";
import { tasksOf } from "../../functions/client.ts";
import { defineProcessor } from "../../functions/contract/activity.ts";
import {
  canceled,
  caughtUp,
  completed,
  type Outcome,
  retry,
  silentRetryAfter,
} from "../../functions/contract/outcome.ts";
import { eventId, type Tail } from "../../functions/contract/tail.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import { leadEagerShard } from "../../functions/leaders/eager-shard.ts";
import { awaitChild } from "../../functions/run/await-child.ts";
import { startTask } from "../../functions/run/start.ts";
import { tellWaiter } from "../../functions/run/tell.ts";
import { ledToken } from "../../functions/tasks/lease-token.ts";
import {
  type EngineName,
  eagerBucketOf,
  type TaskKey,
  type TaskRecord,
  taskName,
} from "../../functions/tasks/record.ts";
import { recordSignal } from "../../functions/tasks/transitions.ts";
import type { Operation, Update, Written } from "../../functions/tasks/update.ts";
import { CheckedTaskStore } from "../../functions/testing/checked-store.ts";
import { operations } from "../../functions/testing/simulation/specification.ts";
import { eagerLeader } from "../../functions/wake/leader-name.ts";
import type { TaskWake, WakeClass } from "../../functions/wake/wake.ts";
import { settle, TestClock } from "../support/test-clock.ts";
import { thing, World } from "../support/world.ts";
import { rows } from "./design-page.ts";
import { termsOf, wordsOfLabels } from "./notation.ts";

const minute = 60_000;
const hour = 60 * minute;
const engines: readonly EngineName[] = ["lazy", "cron", "eager"];

/** A write to the table, or a wake that is sent. */
type Entry =
  | { readonly type: "write"; readonly operation: Operation; readonly task: string }
  | { readonly type: "wake"; readonly what: string; readonly task: string };

class RecordingStore extends CheckedTaskStore {
  readonly entries: Entry[] = [];

  override async update(key: TaskKey, update: Update): Promise<Written> {
    const written = await super.update(key, update);
    if (written.applied) this.entries.push({ type: "write", operation: update.operation, task: taskName(key) });
    return written;
  }
}

type Act = (world: RecordingWorld, tail: Tail) => Promise<Outcome> | Outcome;

/** A world with one task, `thing/actor@t`, that records which wakes follow which writes. */
class RecordingWorld extends World {
  readonly key: TaskKey = { entity: "t", kind: "thing", activity: "actor" };
  readonly #entries: Entry[];
  /** The ends of the passes of the activity; after the last one, each pass has caught up. */
  readonly acts: Act[] = [];

  constructor(engine: EngineName, acts: readonly Act[] = []) {
    const actor = defineProcessor(thing, {
      name: "actor",
      parkAfterAttempts: 3,
      processEvents: async (run, stream) => {
        let tail = run.tail;
        for await (const { id } of stream) tail = id;
        const act = this.acts.shift();
        if (act && tail !== run.tail) await run.checkpoint(tail);
        return act ? act(this, tail) : caughtUp(tail);
      },
    });
    const bound = { lazy: lazy(actor), cron: cron(actor, { everyMinutes: 5 }), eager: eager(actor) }[engine];
    const store = new RecordingStore(new TestClock());
    super({ activities: [bound], store });
    this.actor = actor;
    this.acts.push(...acts);
    this.#entries = store.entries;
    const { alarms } = this;
    const record = (what: string, { key }: TaskWake) => this.#entries.push({ type: "wake", what, task: taskName(key) });
    const { send, sendAt, sendQuarantined } = alarms;
    alarms.send = (messages) => {
      for (const message of messages) if ("key" in message) record(message.class, message);
      return send.call(alarms, messages);
    };
    alarms.sendAt = (wake, at) => {
      record(wake.class, wake);
      return sendAt.call(alarms, wake, at);
    };
    alarms.sendQuarantined = (wake) => {
      record(`quarantined ${wake.class}`, wake);
      return sendQuarantined.call(alarms, wake);
    };
  }

  readonly actor;

  start() {
    return startTask(this.ports, this.actor, { thingId: "t" });
  }

  /** A task in a state that it may come to be in; what led to it is forgotten. */
  async startAs(changes: Partial<TaskRecord>): Promise<TaskRecord> {
    await this.start();
    await this.edit(this.key, changes);
    this.alarms.take();
    this.#entries.length = 0;
    return this.record("t");
  }

  /** Runs the task as its engine does, until it rests or watches. */
  async run(engine: EngineName): Promise<void> {
    await this.start();
    if (engine !== "eager") await this.drain();
    else await this.lead();
  }

  /** An invocation of the leader of the eager tasks; `during` happens while it holds its shard. */
  async lead(during: () => Promise<void> = async () => {}): Promise<void> {
    const invocation = this.invocation(900_000);
    const held = leadEagerShard(this.ports, { shard: 0, shards: 1 }, invocation);
    await settle();
    await during();
    invocation.controller.abort();
    for (let i = 0; i < 50; i++) await settle();
    await held;
  }

  deliverWake(wakeClass: WakeClass): Promise<unknown[]> {
    return this.deliver([{ class: wakeClass, key: this.key }]);
  }

  /** The wakes that were sent after the writes of an operation. A wake belongs to the last write of its task. */
  wokenBy(operation: Operation): string[] {
    const woken = new Set<string>();
    expect(this.#entries, "what the scenario did").toContainEqual(expect.objectContaining({ operation }));
    this.#entries.forEach((entry, i) => {
      const before = this.#entries.slice(0, i).filter((earlier) => earlier.type === "write");
      if (entry.type === "wake" && before.findLast(({ task }) => task === entry.task)?.operation === operation) {
        woken.add(entry.what);
      }
      const isTold = entry.type === "write" && told.includes(entry.operation);
      if (isTold && before.findLast((earlier) => !told.includes(earlier.operation))?.operation === operation) {
        woken.add("waiters");
      }
    });
    return [...woken].sort();
  }
}

/** The writes that tell a waiter. */
const told: readonly Operation[] = ["mark a waiter", "child completed"];

// ── scenarios ────────────────────────────────────────────────────────────────────────────────────

interface Scenario {
  readonly labels?: readonly string[];
  readonly world: RecordingWorld;
  readonly play: (world: RecordingWorld) => Promise<unknown>;
}

const e1 = eventId("e1");
const past = (world: World) => world.clock.now() - minute;
const future = (world: World) => world.clock.now() + minute;
const isRunning = (world: World) => ({ status: "running", token: "dead", leaseUntil: future(world) }) as const;
const isDead = (world: World) => ({ ...isRunning(world), leaseUntil: past(world) }) as const;
const isOverdue = (world: World) => ({ due: world.clock.now() - 1 });
/** The lease of a leader that nobody has any more. */
const isLed = (world: World) =>
  ({ ...isRunning(world), token: ledToken({ leader: eagerLeader(0, 1), epoch: 0 }, "dead") }) as const;

/** One run of a task that has an event to read, in each engine. */
const runOf = (act: Act, ...inEngines: readonly EngineName[]): Scenario[] =>
  inEngines.map((engine) => ({
    labels: [engine],
    world: new RecordingWorld(engine, [act]),
    async play(world) {
      world.append("t", "e1");
      await world.run(engine);
    },
  }));

const scenario = (
  engine: EngineName,
  play: Scenario["play"],
  { labels = [engine], acts = [] as readonly Act[] }: { labels?: readonly string[]; acts?: readonly Act[] } = {},
): Scenario => ({ labels, world: new RecordingWorld(engine, acts), play });

/** A tick finds the task overdue in a state. */
const tickOn = (
  engine: EngineName,
  stateOf: (world: RecordingWorld) => Partial<TaskRecord>,
  labels: readonly string[] = [engine],
): Scenario =>
  scenario(
    engine,
    async (world) => {
      await world.startAs({ ...isOverdue(world), ...stateOf(world) });
      await world.tick();
    },
    { labels },
  );

const operate = (
  stateOf: (world: RecordingWorld) => Partial<TaskRecord>,
  act: (tasks: ReturnType<typeof tasksOf>, world: RecordingWorld) => Promise<void>,
  labels: readonly string[] = [],
): Scenario =>
  scenario(
    "lazy",
    async (world) => {
      await world.startAs(stateOf(world));
      await act(tasksOf(world.ports), world);
    },
    { labels },
  );

const taskOf = ({ actor }: RecordingWorld) => ({ activity: actor, address: { thingId: "t" } });

/** A child of a sleeping parent completes. */
const completesForWaiter = (): Scenario =>
  scenario(
    "lazy",
    async (world) => {
      const parent = { ...world.key, entity: "p" };
      await startTask(world.ports, world.actor, { thingId: "p" });
      await world.edit(parent, { status: "sleeping", awaiting: true });
      const waiter = await world.record("p");
      world.alarms.take();
      world.acts.push(async (_, tail) => completed(tail));
      await world.start();
      await awaitChild(world.ports, world.key, waiter);
      world.append("t", "e1");
      await world.deliver(world.alarms.take());
    },
    { labels: [] },
  );

const scenarios: { readonly [O in Operation]: readonly Scenario[] } = {
  start: engines.map((engine) => scenario(engine, (world) => world.start())),
  acquire: runOf((_, tail) => caughtUp(tail), "lazy", "cron", "eager"),
  "acquire over a dead lease": [
    scenario("lazy", async (world) => {
      await world.startAs(isDead(world));
      await world.deliverWake("rescue");
    }),
  ],
  "acquire from an earlier leader": [
    scenario("eager", async (world) => {
      await world.startAs(isLed(world));
      await world.lead();
    }),
  ],
  "acquire a lease given back": [
    scenario("lazy", async (world) => {
      await world.startAs(isRunning(world));
      await world.deliver([{ class: "rescue", key: world.key, ended: "dead" }]);
    }),
  ],
  quarantine: [
    scenario("eager", async (world) => {
      await world.startAs({ ...isLed(world), strikes: 1 });
      await world.lead();
    }),
  ],
  "signal to a running task": [
    scenario("lazy", async (world) => {
      await world.startAs(isRunning(world));
      await world.deliverWake("signal");
    }),
  ],
  "act asked": [
    scenario("lazy", async (world) => {
      await world.startAs(isRunning(world));
      await world.deliverWake("operator");
    }),
  ],
  "mark ready": [
    scenario("eager", async (world) => {
      await world.startAs({ status: "sleeping", awaiting: true });
      await world.deliverWake("signal");
    }),
    scenario("eager", async (world) => {
      await world.startAs({ status: "retrying", notBefore: future(world) });
      await world.deliverWake("operator");
    }),
  ],
  checkpoint: runOf((_, tail) => caughtUp(tail), "lazy", "cron", "eager"),
  caughtUp: runOf((_, tail) => caughtUp(tail), "lazy", "cron"),
  "caughtUp, wakes moved": runOf(
    async (world, tail) => {
      const { token = "" } = await world.record("t");
      await world.store.update(world.key, recordSignal(token));
      return caughtUp(tail);
    },
    "lazy",
    "cron",
  ),
  "caughtUp, watching": [
    scenario("eager", async (world) => {
      world.append("t", "e1");
      await world.start();
      await world.lead(() => world.clock.advance(5_000));
    }),
  ],
  "canceled, tail advanced": runOf((_, tail) => canceled(tail), ...engines),
  retry: runOf((_, tail) => retry(tail, new Error("no route")), ...engines),
  "attempt limit reached": engines.map((engine) =>
    scenario(
      engine,
      async (world) => {
        await world.startAs({ attempts: 2 });
        if (engine === "eager") await world.lead();
        else await world.deliverWake("rescue");
      },
      { acts: [(_, tail) => retry(tail, new Error("no route"))] },
    ),
  ),
  silentRetryAfter: runOf((world, tail) => silentRetryAfter(tail, new Date(future(world))), ...engines),
  "completed, no waiters": runOf((_, tail) => completed(tail), ...engines),
  "completed, waiters": [completesForWaiter()],
  "add waiter": [
    scenario("lazy", async (world) => {
      const record = await world.startAs({ status: "sleeping" });
      await awaitChild(world.ports, world.key, { ...record, entity: "p" });
    }),
  ],
  "mark a waiter": [completesForWaiter()],
  "child completed": [
    scenario("lazy", async (world) => {
      await world.startAs(isRunning(world));
      await tellWaiter(world.ports, world.key, false);
    }),
  ],
  notified: [completesForWaiter()],
  rescue: [
    tickOn("lazy", () => ({ status: "ready" })),
    tickOn("cron", () => ({ status: "sleeping" })),
    tickOn("eager", () => ({ status: "ready", strikes: 2 })),
    tickOn("lazy", () => ({ status: "sleeping", paused: true }), ["paused"]),
    scenario(
      "lazy",
      async (world) => {
        await startTask(world.ports, world.actor, { thingId: "p" });
        await world.edit({ ...world.key, entity: "p" }, { status: "sleeping", awaiting: true });
        await world.startAs({ status: "completed", waiters: ["thing/actor@p"], ...isOverdue(world) });
        await world.tick();
      },
      { labels: ["completed"] },
    ),
  ],
  "check a sleeping task": [
    tickOn("lazy", () => ({ status: "sleeping" })),
    tickOn(
      "lazy",
      (world) => {
        world.append("t", "e1");
        return { status: "sleeping" };
      },
      ["news"],
    ),
  ],
  "recheck a waiting task": engines.map((engine) =>
    tickOn(engine, (world) => ({
      status: "sleeping",
      awaiting: true,
      ...(engine === "cron" && { notBefore: future(world) }),
    })),
  ),
  "check a running task": [tickOn("lazy", isRunning), tickOn("cron", isRunning)],
  postpone: [
    scenario("eager", async (world) => {
      await world.startAs({ status: "sleeping", ...isOverdue(world) });
      await world.tick();
      expect(await world.record("t")).toMatchObject({ due: world.clock.now() + hour });
    }),
    scenario("lazy", async (world) => {
      await world.startAs({ status: "ready", ...isOverdue(world) });
      await tasksOf(world.ports).pauseUpstream("things", "a test");
      await world.tick();
      expect(await world.record("t")).toMatchObject({ due: world.clock.now() + 5 * minute });
    }),
  ],
  "bring forward": [
    scenario("lazy", async (world) => {
      await world.ports.control.write("bindings", { bindings: { "thing/actor": "cron 300" }, changedAt: 0 }, 0);
      await world.startAs({ status: "sleeping", due: world.clock.now() + 5 * hour });
      await world.tick();
      await world.clock.advance(10 * minute);
      await world.tick();
      expect((await world.record("t")).due).toBeLessThanOrEqual(world.clock.now() + 10 * minute);
    }),
  ],
  "move the slot": [
    scenario("cron", async (world) => {
      await world.startAs({ status: "sleeping", notBefore: future(world) + hour, ...isOverdue(world) });
      await world.tick();
      const { notBefore, due } = await world.record("t");
      expect(notBefore).toBe(due);
      expect(notBefore).toBeLessThanOrEqual(future(world) + hour);
    }),
  ],
  adopt: [
    scenario("eager", async (world) => {
      const { eagerBucket: _, ...record } = await world.startAs({ status: "sleeping", ...isOverdue(world) });
      world.seed(record);
      await world.tick();
      expect(await world.record("t")).toMatchObject({
        eagerBucket: eagerBucketOf("eager", world.key),
        due: world.clock.now() + hour,
      });
    }),
  ],
  "park on strikes": [tickOn("lazy", (world) => ({ ...isDead(world), leaseUntil: past(world) - hour, strikes: 3 }))],
  pause: [
    operate(
      () => ({ status: "sleeping" }),
      (tasks, world) => tasks.pause(taskOf(world)),
    ),
    operate(isRunning, (tasks, world) => tasks.pause(taskOf(world))),
  ],
  resume: [
    operate(
      () => ({ status: "sleeping", paused: true }),
      (tasks, world) => tasks.resume(taskOf(world)),
    ),
    operate(
      (world) => ({ status: "retrying", notBefore: future(world), paused: true }),
      (tasks, world) => tasks.resume(taskOf(world)),
      ["waits"],
    ),
  ],
  "resume while running": [
    operate(
      (world) => ({ ...isRunning(world), paused: true }),
      (tasks, world) => tasks.resume(taskOf(world)),
    ),
  ],
  rewind: [
    operate(
      () => ({ status: "sleeping", tail: e1 }),
      (tasks, world) => tasks.rewind(taskOf(world), "epoch"),
    ),
  ],
};

describe("the column `woken` of the table of operations", () => {
  it.each(operations)("has what is sent after: %s", async (operation) => {
    const cell = rows.find((row) => row.operation === operation)?.woken ?? expect.fail(`no row for ${operation}`);
    const known = scenarios[operation].flatMap(({ labels = [] }) => labels);
    expect(wordsOfLabels(cell).filter((word) => !known.includes(word))).toEqual([]);
    for (const { labels = [], world, play } of scenarios[operation]) {
      await play(world);
      expect(world.wokenBy(operation), `for "${labels}"`).toEqual(termsOf(cell, ", ", labels).sort());
    }
  });
});
