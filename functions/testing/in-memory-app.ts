import type { App } from "../app.ts";
import { type Tasks, tasksOf } from "../client.ts";
import type { Invocation } from "../engines/ports.ts";
import { systemClock } from "../foundation/clock.ts";
import type { Logger } from "../foundation/logger.ts";
import { recordingLogger } from "../foundation/recording-logger.ts";
import { leadEagerShard } from "../leaders/eager-shard.ts";
import { leadSignals } from "../leaders/signals.ts";
import { runBatch } from "../queue/batch.ts";
import { tick } from "../tick/tick.ts";
import { Connections } from "../upstream/connections.ts";
import { encodeBusEvent } from "../wake/envelope.ts";
import { eagerShardOf, type LeaderName } from "../wake/leader-name.ts";
import { MemoryAlarms } from "../wake/memory.ts";
import { memoryPorts } from "./memory-ports.ts";

/** A bus event of one of your services. */
export interface ServiceEvent {
  readonly source: string;
  readonly detailType: string;
  readonly detail: unknown;
}

/** An app that runs in this process. */
export interface InMemoryApp {
  readonly tasks: Tasks;
  /** Puts an event on the bus, as your services do to signal an aggregate. Rejects with the error of its delivery. */
  put(event: ServiceEvent): Promise<void>;
  /** Resolves when no task runs or is about to run. Timers may be left. */
  idle(): Promise<void>;
  /** Ends all runs and connections. */
  close(): Promise<void>;
}

export interface InMemoryOptions {
  /** Default: nothing is logged. */
  readonly log?: Logger;
}

const tickMs = 60_000;
const invocationMs = 900_000;
const commitMs = 3_000;
const pollMs = 20;

/**
 * Runs an app in this process, by the system's clock. Its upstreams are real; the table, bus, queues and schedules are
 * in memory and are lost at its end. For trying out an app and for end-to-end tests. Does not quarantine tasks.
 */
export function startInMemory(app: App, { log = recordingLogger([]) }: InMemoryOptions = {}): InMemoryApp {
  const connections = new Connections(app.upstreams);
  const alarms = new LeaderStartingAlarms(systemClock, (leader) => void background(() => lead(leader)));
  const ports = memoryPorts({
    activities: app.activities,
    clock: systemClock,
    log,
    upstream: connections.of,
    alarms,
    limits: { resources: app.resources },
    signalSources: app.signalSources,
    random: Math.random,
  });
  const closing = new AbortController();
  const running = new Set<Promise<void>>();

  function background(work: () => Promise<unknown>): Promise<void> {
    const done: Promise<void> = work()
      .then(() => {})
      .finally(() => running.delete(done));
    running.add(done);
    return done;
  }

  function invocation(): Invocation {
    const hardEnd = systemClock.now() + invocationMs;
    const times = { deadline: hardEnd - 2 * commitMs, abandonAt: hardEnd - commitMs, hardEnd };
    return { ...times, signal: closing.signal, abandoned() {} };
  }

  async function lead(leader: LeaderName): Promise<void> {
    const shard = eagerShardOf(leader);
    await (shard ? leadEagerShard(ports, shard, invocation()) : leadSignals(ports, invocation()));
  }

  async function deliver(bodies: readonly unknown[]): Promise<void> {
    const deliveries = bodies.map((body, i) => ({ id: `message-${i}`, body }));
    for (const error of (await runBatch(ports, deliveries, invocation())).values()) throw error;
  }

  async function pump(): Promise<void> {
    while (!closing.signal.aborted) {
      const messages = [...alarms.take(), ...alarms.quarantined.splice(0)];
      // A delivery that fails is logged, and a tick wakes its task.
      if (messages.length > 0) void background(() => deliver(messages.map(encodeBusEvent)).catch(() => {}));
      await systemClock.sleep(Math.min(pollMs, (alarms.next ?? Infinity) - systemClock.now()), closing.signal);
    }
  }

  async function ticks(): Promise<void> {
    while (!closing.signal.aborted) {
      await tick(ports, app.roots, { checks: 1_000, concurrency: 10 }, invocation());
      await systemClock.sleep(tickMs, closing.signal);
    }
  }

  const ticking = ticks();
  const pumping = pump();
  return {
    tasks: tasksOf(ports),
    put: ({ source, detailType, detail }) => background(() => deliver([{ source, "detail-type": detailType, detail }])),
    async idle() {
      while (running.size > alarms.running || (alarms.next ?? Infinity) <= systemClock.now())
        await systemClock.sleep(pollMs);
    },
    async close() {
      closing.abort(new DOMException("the app is closed", "AbortError"));
      await Promise.all([ticking, pumping]);
      while (running.size > 0) await Promise.allSettled(running);
      connections.close();
    },
  };
}

/** Alarms that start leaders in this process. */
class LeaderStartingAlarms extends MemoryAlarms {
  readonly #start: (leader: LeaderName) => void;
  /** Leaders that were started. They do not end by themselves. */
  running = 0;

  constructor(clock: typeof systemClock, start: (leader: LeaderName) => void) {
    super(clock);
    this.#start = start;
  }

  override async startLeader(leader: LeaderName): Promise<void> {
    this.running++;
    this.#start(leader);
  }
}
