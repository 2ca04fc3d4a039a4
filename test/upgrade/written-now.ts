import { gunzipSync } from "node:zlib";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import type { SchedulerClient } from "@aws-sdk/client-scheduler";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { tasksOf } from "../../functions/client.ts";
import { defineActivity, defineProcessor, task } from "../../functions/contract/activity.ts";
import { caughtUp, completed, silentRetryAfter } from "../../functions/contract/outcome.ts";
import { eventId } from "../../functions/contract/tail.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import { Leadership } from "../../functions/leaders/leadership.ts";
import { recordQueueAge } from "../../functions/queue/queue-age.ts";
import { startTask } from "../../functions/run/start.ts";
import { clockSkewMs, graceMs } from "../../functions/tasks/times.ts";
import {
  acquire,
  acquireExpired,
  addWaiter,
  askToAct,
  type Claim,
  checkpoint,
  childCompleted,
  completeForWaiters,
  type Progress,
} from "../../functions/tasks/transitions.ts";
import { recordTick } from "../../functions/tick/last-tick.ts";
import { bringReboundForward } from "../../functions/tick/rebinding.ts";
import { beginTrial, trip } from "../../functions/upstream/breaker.ts";
import { DirectSignals } from "../../functions/wake/direct-signals.ts";
import { EventBridgeAlarms } from "../../functions/wake/eventbridge.ts";
import type { TaskWake, WakeClass } from "../../functions/wake/wake.ts";
import type { TestDatabase } from "../support/dynamodb.ts";
import { thing } from "../support/world.ts";
import { type Item, keyOf, TableWorld } from "./table-world.ts";

/** Its outcome depends on the name of its thing; later runs of a stored task return caughtUp. */
const reader = defineProcessor(thing, {
  name: "reader",
  async processEvents(run, stream) {
    let tail = run.tail;
    for await (const { id } of stream) tail = id;
    switch (tail === "e1" && run.address.thingId) {
      case "completed":
        return completed(tail);
      case "waiting":
        return silentRetryAfter(tail, new Date(run.now().getTime() + 90_000));
      case "retrying":
        run.advance(tail);
        throw new Error("no route to the thing");
      case "awaiting":
        await run.start(counter, { thingId: "child" }, { wake: true });
    }
    return caughtUp(tail);
  },
});

const fragile = defineProcessor(thing, {
  name: "fragile",
  parkAfterAttempts: 1,
  async processEvents(run, stream) {
    let tail = run.tail;
    for await (const { id } of stream) tail = id;
    if (tail === "e1") throw new Error("it breaks");
    return caughtUp(tail);
  },
});

const counting = (name: string, filling: string) =>
  defineActivity(thing, {
    name,
    view: { version: 1, initial: () => ({ ids: [] as string[], filling }) },
    apply: (view, { id }) => void view.ids.push(id),
    act: async () => caughtUp(),
  });
const counter = counting("counter", "");
const large = counting("large", "ö".repeat(2_500));
const reading = (name: string) =>
  defineProcessor(thing, {
    name,
    async processEvents(run, stream) {
      let tail = run.tail;
      for await (const { id } of stream) tail = id;
      return caughtUp(tail);
    },
  });
const slot = reading("slot");
const watcher = reading("watcher");

/** The app of the fixtures' tasks. */
export const activities = [
  lazy(reader),
  lazy(fragile),
  lazy(counter),
  lazy(large),
  cron(slot, { everyMinutes: 5 }),
  eager(watcher),
];

/** Everything that one version stores, by the name of its file. */
export interface Written {
  readonly tasks: readonly Item[];
  readonly waiters: readonly Item[];
  readonly views: readonly Item[];
  readonly documents: readonly Item[];
  /** Bus events, as they are put: source, detail-type, detail. */
  readonly events: readonly object[];
  /** Bodies of messages sent directly into a queue. */
  readonly bodies: readonly string[];
  readonly schedules: readonly object[];
}

/** The current output of the code: a task in each status, and each message and document. */
export async function writtenNow(database: TestDatabase): Promise<Written> {
  const items = await writtenItems(database);
  const under = (prefix: string) => items.filter(({ pk }) => pk?.S?.startsWith(prefix)).map(sorted);
  return {
    tasks: under("task#"),
    waiters: under("waiters#"),
    views: under("view#"),
    documents: under("control#"),
    ...(await sentMessages()),
  };
}

const note = { reason: "maintenance", by: "someone" };

async function writtenItems(database: TestDatabase): Promise<Item[]> {
  const world = await TableWorld.start(database, { activities });
  const { ports, store, clock } = world;
  const start = (activity: typeof reader, thingId: string) => startTask(ports, activity, { thingId });
  const claim = (token: string): Claim => ({
    token,
    leaseUntil: clock.now() + 120_000 + clockSkewMs,
    engine: "lazy",
    eagerBucket: undefined,
    inQuarantine: false,
    now: clock.now(),
  });
  const taking = { sleeping: true, early: false, fence: undefined };

  const ended = ["sleeping", "completed", "waiting", "retrying", "awaiting", "paused"];
  for (const name of [...ended, "parked"]) world.append(name, "e1");
  for (const name of ended) await start(reader, name);
  await start(fragile, "parked");
  for (const [thingId, activity] of [
    ["viewed", counter],
    ["large", large],
  ] as const) {
    world.append(thingId, "e1");
    await startTask(ports, activity, { thingId });
  }
  await start(slot, "slot");
  await world.drain();
  await tasksOf(ports).pause(task(reader, { thingId: "paused" }), note);

  for (const name of ["ready", "running", "told", "rewound"]) await start(reader, name);
  await start(watcher, "watched");
  await startTask(ports, counter, { thingId: "struck" });
  await tasksOf(ports).rewind(task(reader, { thingId: "rewound" }), "epoch");
  for (const name of ["running", "told"]) await store.update(keyOf(name), acquire(claim(name), taking));
  await store.update(keyOf("running"), childCompleted());
  await store.update(keyOf("running"), askToAct());
  await store.addWaiter(keyOf("told"), keyOf("sleeping"));
  await store.update(keyOf("told"), addWaiter());
  await store.update(keyOf("told"), completeForWaiters("told", "epoch", clock.now()));
  const struck = keyOf("struck", "counter");
  await store.update(struck, acquire(claim("first"), taking));
  await clock.advance(130_001);
  await store.update(struck, acquireExpired(claim("second"), "first", 0));
  // Killed again while rebuilding its view.
  const view = { type: "inline", json: '{"ids":["e0"],"filling":""}', version: 1 } as const;
  const [tail, acted] = [eventId("e0"), eventId("e1")];
  const progress: Progress = { tail, acted, actedAhead: true, tailSeenAt: "unchanged", view };
  await store.update(struck, checkpoint({ token: "second", step: undefined }, progress));

  const leadership = await Leadership.claim(ports, "eager-0-of-1", "owner-1");
  await leadership?.release();
  const signals = await Leadership.claim(ports, "signals", "owner-2");
  const at = clock.now() + 30_000;
  await signals?.write({ sweepAt: at, sweep: { at, shard: 3, left: 30, after: { key: keyOf("sleeping"), due: at } } });
  await bringReboundForward(ports, 1, new AbortController().signal);
  await signals?.leave();
  await ports.breakers.change("things", (stored) => trip(stored, clock.now(), 0.5, "no route"));
  await ports.breakers.change("things", (stored) => beginTrial(stored, clock.now() + 5_000));
  await tasksOf(ports).pauseUpstream("things", "maintenance");
  await recordQueueAge(ports.control, "wakes", { ageMs: graceMs + 1, at: clock.now() });
  await recordTick(ports.control, { at: clock.now(), report: { rescued: 1, oldestDueMs: 61_000 } });
  return world.items();
}

const classes: readonly WakeClass[] = ["start", "signal", "child", "operator", "probe", "timer", "handOver", "rescue"];
const fenced: readonly WakeClass[] = ["start", "timer", "handOver"];

/** Each kind of message, as sent to the SDK. */
async function sentMessages(): Promise<Pick<Written, "events" | "bodies" | "schedules">> {
  const sent: { events: object[]; bodies: string[]; schedules: object[] } = { events: [], bodies: [], schedules: [] };
  const clients = {
    events: {
      send: async ({ input }: { input: { Entries: object[] } }) => {
        sent.events.push(...input.Entries);
        return {};
      },
    },
    scheduler: { send: async ({ input }: { input: object }) => void sent.schedules.push(input) },
  } as unknown as { events: EventBridgeClient; scheduler: SchedulerClient };
  const queue = {
    send: async ({ input }: { input: { Entries: { MessageBody: string }[] } }) => {
      sent.bodies.push(...input.Entries.map(({ MessageBody }) => MessageBody));
      return {};
    },
  } as unknown as SQSClient;
  const now = Date.UTC(2026, 0, 1);
  const clock = { now: () => now, sleep: async () => {} };
  const settings = { busName: "bus", busArn: "bus-arn", scheduleGroup: "group", scheduleRoleArn: "role-arn" };
  const alarms = new EventBridgeAlarms(clients, settings, clock);
  const signals = [
    { class: "signal", entity: "sleeping" },
    { class: "signal", entity: "sleeping", kind: "thing" },
  ] as const;
  const wake = (one: WakeClass): TaskWake => ({
    class: one,
    key: keyOf("sleeping"),
    ...(fenced.includes(one) ? { fence: 1 } : {}),
  });
  await alarms.send([...signals, ...classes.map(wake)]);
  await alarms.sendAt(wake("timer"), now + 20_000);
  await alarms.sendAt(wake("signal"), now + 20_000);
  await alarms.sendAt(wake("timer"), now + 90_000);
  await alarms.sendQuarantined(wake("rescue"));
  for (const leader of ["signals", "eager-0-of-1"] as const) await alarms.startLeader(leader);
  await new DirectSignals(
    alarms,
    "https://sqs/queue",
    clock,
    () => 0,
    async () => queue,
  ).send(signals);
  return sent;
}

const sorted = (item: Item): Item => Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The content of a fixture's file: a line for each item; bytes as base64. */
export const toJson = (written: readonly unknown[]): string =>
  `[\n${written.map((one) => JSON.stringify(plainBytes(one))).join(",\n")}\n]\n`;

const plainBytes = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plainBytes);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plainBytes(field)]));
};

/** A view's item as DynamoDB returns it. */
export const withBytes = (item: Item): Item => ({
  ...item,
  json: { B: Buffer.from(String(item.json?.B), "base64") } satisfies AttributeValue,
});

/** The text in a view's item, since the gzip bytes can differ between versions of Node. */
export const textOf = (item: Item): string => gunzipSync(item.json?.B ?? "").toString("utf8");
