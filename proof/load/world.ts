import { type Tasks, tasksOf } from "../../functions/client.ts";
import { epoch } from "../../functions/contract/tail.ts";
import type { Ports } from "../../functions/engines/ports.ts";
import { cronHandler } from "../../functions/lambda/cron-event.ts";
import { eagerHandler, signalsHandler } from "../../functions/lambda/leader-event.ts";
import { wakeHandler } from "../../functions/lambda/wake-event.ts";
import type { QueueName } from "../../functions/queue/queue-age.ts";
import { appSettings, readSettings } from "../../functions/settings.ts";
import { memoryPorts } from "../../functions/testing/memory-ports.ts";
import { scriptedTransport } from "../../functions/testing/scripted-server.ts";
import { Aggregate } from "../../functions/testing/simulation/aggregate.ts";
import { SimulatedBus } from "../../functions/testing/simulation/bus.ts";
import { noFaults } from "../../functions/testing/simulation/faults.ts";
import { SimulatedFunction } from "../../functions/testing/simulation/function.ts";
import { SimulatedProcess } from "../../functions/testing/simulation/process.ts";
import { SimulatedQueue } from "../../functions/testing/simulation/queue.ts";
import { Random } from "../../functions/testing/simulation/random.ts";
import { Story } from "../../functions/testing/simulation/story.ts";
import { SimulatedTable, type TableWrite } from "../../functions/testing/simulation/table.ts";
import { Timeline } from "../../functions/testing/simulation/timeline.ts";
import { SimulatedUpstream } from "../../functions/testing/simulation/upstream.ts";
import { SimulatedWorld } from "../../functions/testing/simulation/world.ts";
import type { TickReport } from "../../functions/tick/tick.ts";
import { encodeBusEvent } from "../../functions/wake/envelope.ts";
import { ledger } from "../simulate/streams.ts";
import { CountedLog } from "./counted-log.ts";
import { readerApp } from "./reader.ts";
import { Requests } from "./requests.ts";

export interface WorldOptions {
  readonly aggregates: number;
  /** `lazyConcurrency` of infra/settings.yml. */
  readonly concurrency: number;
  /** TAILWAKE_CHECKS_PER_TICK. */
  readonly checksPerTick: number;
  /** TAILWAKE_PROBE_MINUTES; its default if absent. */
  readonly probeMinutes?: number;
  readonly onWrite?: (write: TableWrite) => void;
}

const defaults = readSettings(
  {},
  {
    checksAtOnce: appSettings.TAILWAKE_CHECKS_AT_ONCE,
    probeMinutes: appSettings.TAILWAKE_PROBE_MINUTES,
    runs: appSettings.TAILWAKE_RUNS,
    runsPerKind: appSettings.TAILWAKE_RUNS_PER_KIND,
  },
);
const start = Date.UTC(2026, 0, 1);
const minuteMs = 60_000;
const secondMs = 1_000;

type Handler = (ports: Ports, event: unknown, context: Parameters<typeof wakeHandler>[2]) => Promise<unknown>;

/** The deployed functions on simulated services without faults. */
export class World {
  readonly timeline: Timeline;
  readonly random = new Random(1);
  readonly requests = new Requests();
  readonly log = new CountedLog();
  readonly aggregates: readonly Aggregate[];
  readonly upstream: SimulatedUpstream;
  readonly tasks: Tasks;
  readonly #world: SimulatedWorld;
  readonly #table: SimulatedTable;
  readonly #bus: SimulatedBus;
  readonly #lazy: SimulatedFunction;
  readonly #cron: SimulatedFunction;
  readonly #queues: readonly SimulatedQueue[];
  readonly #probeMinutes: number;
  #tokens = 0;
  /** Signals that the services have put on the bus. */
  signals = 0;

  constructor(options: WorldOptions) {
    const { random } = this;
    this.#probeMinutes = options.probeMinutes ?? defaults.probeMinutes;
    this.timeline = new Timeline(random.fork(), start);
    this.#world = new SimulatedWorld(this.timeline, random, new Story(false), noFaults);
    this.aggregates = Array.from(
      { length: options.aggregates },
      (_, i) => new Aggregate({ stream: ledger, address: { id: `a${i}` }, event: (position) => position }),
    );
    this.upstream = new SimulatedUpstream(this.#world, this.aggregates, {
      unary: scriptedTransport({ routes: () => {} }, []).unary,
    });
    this.#table = new SimulatedTable(this.#world, {
      onWrite: async (write) => options.onWrite?.(write),
    });
    const budget = { checks: options.checksPerTick, concurrency: defaults.checksAtOnce };
    this.#lazy = this.#function("lazy", 120_000, wakeHandler);
    this.#cron = this.#function("cron", 60_000, (ports, event, context) =>
      cronHandler(ports, readerApp.roots, budget, event, context),
    );
    const signals = this.#function("signals", 900_000, signalsHandler);
    const eager = this.#function("eager", 900_000, eagerHandler);
    const queue = (name: QueueName, delayMs: number, batchSize: number, concurrency: number) =>
      new SimulatedQueue(this.#world, { name, delayMs, batchSize, concurrency }, this.#lazy);
    const wakes = queue("wakes", 0, 10, options.concurrency);
    const delayed = queue("delay", 20_000, 10, options.concurrency);
    const quarantine = queue("quarantine", 0, 1, 2);
    this.#queues = [wakes, delayed, quarantine];
    this.#bus = new SimulatedBus(this.#world, { wakes, delayed, quarantine, signals, eager }, { losesProbes: false });
    this.tasks = tasksOf(this.#portsOf(new SimulatedProcess("operator", this.#world)));
  }

  /** Number of messages that Tailwake has sent. */
  get sent(): number {
    return this.#bus.events - this.signals;
  }

  get batches(): number {
    return this.#lazy.invocations;
  }

  /** Number of messages in the queues. */
  get waiting(): number {
    return this.#queues.reduce((sum, { size }) => sum + size, 0);
  }

  get deadLetters(): number {
    return this.#queues.reduce((sum, { deadLetters }) => sum + deadLetters, 0);
  }

  get isDrained(): boolean {
    return this.waiting === 0 && this.#bus.underWay === 0;
  }

  /** Appends one event to an aggregate. */
  append(aggregate: Aggregate): void {
    aggregate.append(this.timeline.now, this.random);
  }

  signal({ entity }: Aggregate): void {
    this.signals++;
    this.#bus.put(encodeBusEvent({ class: "signal", entity }));
  }

  /** Ticks every minute from now on; `onReport` gets the report and duration of each tick. */
  tickEachMinute(onReport: (report: TickReport, tookMs: number) => void): void {
    const { timeline } = this;
    timeline.after(minuteMs, () => this.tickEachMinute(onReport));
    const began = timeline.now;
    void this.#cron.invoke({}).then((answer) => {
      if (answer.type !== "answered") throw new Error(`a tick was not answered: ${JSON.stringify(answer)}`);
      onReport(answer.value as TickReport, timeline.now - began);
    });
  }

  /** Calls `act` at a rate, a number of times. */
  pace(times: number, perSecond: number, act: (i: number) => void): void {
    for (let second = 0; second * perSecond < times; second++) {
      this.timeline.after(second * secondMs, () => {
        const from = second * perSecond;
        for (let i = from; i < Math.min(times, from + perSecond); i++) {
          this.timeline.after(((i - from) * secondMs) / perSecond, () => act(i));
        }
      });
    }
  }

  advance(ms: number): Promise<void> {
    return this.timeline.run(this.timeline.now + ms);
  }

  /** Advances until `isSo` or at most `seconds`; resolves to the seconds passed. */
  async until(isSo: () => boolean, seconds: number): Promise<number> {
    for (let second = 0; second < seconds; second++) {
      if (isSo()) return second;
      await this.advance(secondMs);
    }
    return seconds;
  }

  /** Number of tasks that have not read each event of their stream exactly once, up to its head. */
  async behind(): Promise<number> {
    const heads = new Map(this.aggregates.map(({ entity, head, events }) => [entity, { head, count: events.length }]));
    let arrived = 0;
    for await (const { entity, tail, status, view } of this.#table.records.list()) {
      const { head, count } = heads.get(entity) ?? {};
      const { count: seen } = view === undefined ? { count: 0 } : JSON.parse(view);
      if (status === "sleeping" && tail === (head ?? epoch) && seen === count) arrived++;
    }
    return this.aggregates.length - arrived;
  }

  #function(name: string, timeoutMs: number, handler: Handler): SimulatedFunction {
    const load = (processName: string) => {
      const process = new SimulatedProcess(processName, this.#world);
      const ports = this.#portsOf(process);
      return {
        process,
        version: 1,
        handler: (event: unknown, context: Parameters<Handler>[2]) => handler(ports, event, context),
      };
    };
    return new SimulatedFunction(this.#world, { name, timeoutMs }, load, () => ({ version: 1, since: start }));
  }

  #portsOf(process: SimulatedProcess): Ports {
    const random = this.random.fork();
    const { runs, runsPerKind } = defaults;
    return memoryPorts({
      activities: readerApp.activities,
      clock: process.clock,
      log: this.log,
      store: this.requests.store(this.#table.storeOf(process)),
      control: this.requests.control(this.#table.controlOf(process)),
      alarms: this.#bus.alarmsOf(process),
      upstream: this.upstream.connectionsOf(process),
      openStream: this.upstream.openStreamOf(process),
      random: () => random.next(),
      newToken: () => `token-${++this.#tokens}`,
      limits: { runs, runsPerKind, probePeriodMs: this.#probeMinutes * minuteMs },
    });
  }
}
