import { type Counts, counted, type LeaderPeriod } from "../../cli/cost/counts.ts";
import { defineProcessor, task } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { defineSignalSource } from "../../functions/contract/signal-source.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import { cronHandler } from "../../functions/lambda/cron-event.ts";
import { eagerHandler, signalsHandler } from "../../functions/lambda/leader-event.ts";
import { wakeHandler } from "../../functions/lambda/wake-event.ts";
import { Leadership } from "../../functions/leaders/leadership.ts";
import { LiveBroadcast } from "../../functions/nog/gen/nogfso/broadcast_pb.ts";
import { startTask } from "../../functions/run/start.ts";
import { eagerLeader } from "../../functions/wake/leader-name.ts";
import type { Signal } from "../../functions/wake/wake.ts";
import { lazyTimeoutMs } from "../../local/deployment.ts";
import { reader, thing } from "../support/world.ts";
import { type MeteredOptions, MeteredWorld } from "./metered-world.ts";

const watcher = defineProcessor(thing, { name: "watcher", processEvents: async (run) => caughtUp(run.tail) });
const source = defineSignalSource({
  name: "thing-signals",
  upstream: "things",
  method: LiveBroadcast.method.aggregateSignals,
  request: () => ({}),
  read: () => [],
});

const minute = 60_000;
const budget = { checks: 2000, concurrency: 20 };
const cronTimeoutMs = minute;
const leaderTimeoutMs = 15 * minute;
const cronEveryMinutes = 15;
/** An id as long as those of real aggregates. */
const thingId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const eventId = (n: number) => `01K0000000000000000000000${n}`;

/** Runs a scenario in its own world. Fails if anything above level info was logged. */
async function withWorld<T>(options: MeteredOptions, scenario: (world: MeteredWorld) => Promise<T>): Promise<T> {
  const world = await MeteredWorld.start(options);
  try {
    // The first tick of a process compares bindings.
    await tickOf(world);
    const result = await scenario(world);
    if (world.unexpectedLines.length > 0)
      throw new Error(`expected no warnings, received ${world.unexpectedLines.join("; ")}`);
    return result;
  } finally {
    await world.close();
  }
}

/** Starts tasks and lets each read its first event. */
async function startTasks(metered: MeteredWorld, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    metered.world.append(thingId(n), eventId(1));
    await startTask(metered.ports, reader, { thingId: thingId(n) });
  }
  await deliverAll(metered, 10);
}

async function deliverAll(metered: MeteredWorld, batchSize: number): Promise<number> {
  let invocations = 0;
  for (;;) {
    const event = await metered.batch(metered.deployment.wakes, batchSize);
    if (event.Records.length === 0) return invocations;
    const answer = await wakeHandler(metered.ports, event, metered.context(lazyTimeoutMs));
    if (answer?.batchItemFailures.length !== 0) throw new Error("expected every delivery to succeed");
    invocations++;
  }
}

/** Ten aggregates have an event each; their signals are sent and delivered in batches of this size. */
export function signaledRuns(batchSize: 1 | 10, direct: boolean): Promise<Counts> {
  return withWorld({ activities: [lazy(reader)], direct }, async (metered) => {
    const { world, ports } = metered;
    await startTasks(metered, counted.tasks);
    const tails = async () => (await Promise.all(ids.map((id) => world.record(id)))).map(({ tail }) => tail);
    const ids = Array.from({ length: counted.tasks }, (_, n) => thingId(n));
    for (const id of ids) world.append(id, eventId(2));
    metered.reset();
    for (let n = 0; n < ids.length; n += batchSize) {
      // Long enough that each invocation reads the breaker again, as its first one does.
      await metered.pass(10_000, 10_000);
      await ports.alarms.send(ids.slice(n, n + batchSize).map((entity): Signal => ({ class: "signal", entity })));
      if ((await deliverAll(metered, batchSize)) !== 1) throw new Error("expected one invocation a batch");
    }
    const counts = metered.counts();
    if ((await tails()).some((tail) => tail !== eventId(2))) throw new Error("expected every task to catch up");
    return counts;
  });
}

const tickOf = async (metered: MeteredWorld, roots: Parameters<typeof cronHandler>[1] = []) =>
  cronHandler(metered.ports, roots, budget, {}, metered.context(cronTimeoutMs));

/** A tick of an app with signals, one eager shard and one root; nothing is due and both leaders are alive. */
export function idleTick(): Promise<Counts> {
  return withWorld({ activities: [lazy(reader), eager(watcher)], signalSources: [source] }, async (metered) => {
    const { ports } = metered;
    await startTasks(metered, 1);
    for (const name of ["signals", eagerLeader(0, 1)] as const) await Leadership.claim(ports, name, "owner");
    metered.reset();
    const { leaders, probed, rescued } = await tickOf(metered, [task(reader, { thingId: thingId(0) })]);
    if (leaders + probed + rescued > 0) throw new Error("expected nothing to do");
    return metered.counts();
  });
}

/** The additional requests of a tick that finds ten sleeping tasks due for their probes, without news. */
export function idleProbes(): Promise<Counts> {
  return withWorld({ activities: [lazy(reader)] }, async (metered) => {
    await startTasks(metered, counted.tasks);
    // The first check of a task comes 3 min after its start; then it is probed every quarter of an hour.
    await metered.pass(4 * minute, minute);
    await tickOf(metered);
    await metered.pass(16 * minute, minute);
    metered.reset();
    const { probed, news } = await tickOf(metered);
    if (probed !== counted.tasks || news !== 0) {
      throw new Error(`expected ${counted.tasks} probes without news, received ${probed}, ${news}`);
    }
    return withoutIdleTick(metered);
  });
}

/** The same for ten cron tasks whose slots have come, including their runs. */
export function cronRuns(): Promise<Counts> {
  return withWorld({ activities: [cron(reader, { everyMinutes: cronEveryMinutes })] }, async (metered) => {
    await startTasks(metered, counted.tasks);
    await metered.pass(cronEveryMinutes * minute + 1_000, minute);
    metered.reset();
    const { rescued } = await tickOf(metered);
    const invocations = await deliverAll(metered, 10);
    if (rescued !== counted.tasks || invocations !== 1) {
      throw new Error(`expected ${counted.tasks} runs in one batch, received ${rescued} in ${invocations}`);
    }
    return withoutIdleTick(metered);
  });
}

/** Runs two leaders in a row; counts from the start of the second to that of a third, which is not run. */
async function leaderPeriod(metered: MeteredWorld, lead: (event: unknown) => Promise<unknown>) {
  const { clock } = metered;
  let [underWay, starts, startedAt, billedMs, last] = [0, 0, 0, 0, clock.now()];
  let period: typeof counted.shard | undefined;
  const running: Promise<unknown>[] = [];
  const bill = () => {
    billedMs += underWay * (clock.now() - last);
    last = clock.now();
  };
  const start = (event: unknown) => {
    bill();
    if (++starts === 3) {
      const seconds = (clock.now() - startedAt) / 1000;
      period = { seconds, billedSeconds: billedMs / 1000, counts: metered.counts(), ofTask: metered.counts("task") };
    }
    if (starts >= 3) return;
    [startedAt, billedMs] = [clock.now(), 0];
    metered.reset();
    underWay++;
    const ended = () => {
      bill();
      underWay--;
    };
    const failed = (error: unknown) => void metered.unexpectedLines.push(String(error));
    running.push(lead(event).catch(failed).finally(ended));
  };
  metered.onFunction = (name, event) => {
    if (name === "signals" || name === "eager") start(event);
  };
  await metered.ports.alarms.startLeader(metered.ports.signalSources.length > 0 ? "signals" : "eager-0-of-1");
  while (period === undefined && metered.unexpectedLines.length === 0) await metered.pass(1_000);
  while (underWay > 0) await metered.pass(1_000, 1_000);
  await Promise.all(running);
  if (period === undefined) throw new Error(`expected three leaders, received ${metered.unexpectedLines.join("; ")}`);
  return period;
}

/** The signals function without signals. */
export function signalsPeriod(): Promise<LeaderPeriod> {
  const quiet: MeteredOptions["routes"] = (router) =>
    router.rpc(LiveBroadcast.method.aggregateSignals, async function* (_request, { signal }) {
      yield {};
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    });
  const options = { activities: [lazy(reader)], signalSources: [source], routes: quiet };
  return withWorld(options, async (metered) => {
    const lead = (event: unknown) => signalsHandler(metered.ports, event, metered.context(leaderTimeoutMs));
    const { ofTask: _, ...period } = await leaderPeriod(metered, lead);
    return period;
  });
}

/** The eager function with one shard, whose one task has no events. */
export function shardPeriod(): Promise<typeof counted.shard> {
  return withWorld({ activities: [eager(reader)] }, async (metered) => {
    metered.world.append(thingId(0), eventId(1));
    await startTask(metered.ports, reader, { thingId: thingId(0) });
    // The first leader only precedes the second.
    let timeoutMs = 2 * minute;
    return leaderPeriod(metered, (event) => {
      const context = metered.context(timeoutMs);
      timeoutMs = leaderTimeoutMs;
      return eagerHandler(metered.ports, event, context);
    });
  });
}

/** The counts, minus those of an idle tick. */
async function withoutIdleTick(metered: MeteredWorld): Promise<Counts> {
  const counts = metered.counts();
  metered.reset();
  await tickOf(metered);
  const base = metered.counts();
  const requests = Object.entries(counts.requests).map(([name, n]) => [name, n - (base.requests[name] ?? 0)] as const);
  return {
    requests: Object.fromEntries(requests.filter(([, n]) => n !== 0)),
    writeUnits: counts.writeUnits - base.writeUnits,
    readUnits: counts.readUnits - base.readUnits,
    busEvents: counts.busEvents - base.busEvents,
    logBytes: Math.max(0, counts.logBytes - base.logBytes),
    metricBytes: Math.max(0, counts.metricBytes - base.metricBytes),
  };
}
