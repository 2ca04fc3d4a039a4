import type { ConnectError, ConnectRouter } from "@connectrpc/connect";
import type { App } from "../../app.ts";
import { tasksOf } from "../../client.ts";
import { type Task, task } from "../../contract/activity.ts";
import { TailwakeError } from "../../contract/error.ts";
import {
  type Address,
  type AddressOf,
  declarationOf,
  type EventOf,
  type Recorded,
  type Stream,
} from "../../contract/stream.ts";
import { taskKey } from "../../engines/binding.ts";
import type { Ports } from "../../engines/ports.ts";
import { recordingLogger } from "../../foundation/recording-logger.ts";
import { cronHandler } from "../../lambda/cron-event.ts";
import { eagerHandler, signalsHandler } from "../../lambda/leader-event.ts";
import { wakeHandler } from "../../lambda/wake-event.ts";
import type { QueueName } from "../../queue/queue-age.ts";
import type { TaskRecord } from "../../tasks/record.ts";
import { decodeBusEvent, encodeBusEvent, ownMessage } from "../../wake/envelope.ts";
import { isSignal } from "../../wake/wake.ts";
import { memoryPorts } from "../memory-ports.ts";
import { scriptedTransport } from "../scripted-server.ts";
import { Aggregate, type AggregateDefinition } from "./aggregate.ts";
import { SimulatedBus } from "./bus.ts";
import { drawnFaults, type Faults, noFaults } from "./faults.ts";
import { type Loaded, SimulatedFunction } from "./function.ts";
import { Inspector } from "./inspector.ts";
import { letAllRun, operate } from "./operators.ts";
import { maxStandstillMs, SimulatedProcess } from "./process.ts";
import { SimulatedQueue } from "./queue.ts";
import { Random } from "./random.ts";
import { Story } from "./story.ts";
import { type Mutation, SimulatedTable } from "./table.ts";
import { Timeline } from "./timeline.ts";
import { SimulatedUpstream } from "./upstream.ts";
import type { Violation } from "./violation.ts";
import { SimulatedWorld } from "./world.ts";

/** An app, and the aggregates around it. */
export interface Scenario {
  /** Versions of the app, deployed one after another; after the last the first again. */
  readonly versions: readonly App[];
  readonly aggregates: readonly AggregateDefinition[];
  /** Tasks to start. Default: each activity of the first version, for each aggregate of its stream. */
  readonly tasks?: readonly Task[];
  /** The services that the activities call. A handler appends what the real one would. Default: none. */
  readonly routes?: (router: ConnectRouter, histories: Histories) => void;
  /** The server's error for an unknown tail. Default: that of nog's server. */
  readonly unknownTail?: () => ConnectError;
}

/** The histories of a scenario's aggregates. Both throw "invalid-argument" for an unknown aggregate. */
export interface Histories {
  eventsOf<S extends Stream>(stream: S, address: AddressOf<S>): readonly Recorded<EventOf<S>>[];
  /** Appends an event and signals it. */
  append<S extends Stream>(stream: S, address: AddressOf<S>, event: EventOf<S>): void;
}

/** Lets a scenario add faults of its own that are the same for the same seed. */
export interface Chance {
  readonly random: Random;
  /** Whether the faults have ended. Then the scenario must add none. */
  readonly isCalm: () => boolean;
}

export interface SimulationOptions {
  /** A whole number; the same seed gives the same simulation. */
  readonly seed: number;
  /** How long there are faults, in simulated minutes. Default 25. */
  readonly stormMinutes?: number;
  /** Faults; those left out are 0. Default: all drawn from the seed. */
  readonly faults?: Partial<Faults>;
  /** Whether to record what happens as lines of text, which takes time. Default false. */
  readonly story?: boolean;
  /** Changes each write; for tests of the simulator. */
  readonly mutation?: Mutation;
}

export interface SimulationReport {
  readonly seed: number;
  /** Number of events of the simulation: calls, responses, messages, timers. */
  readonly steps: number;
  readonly simulatedMinutes: number;
  readonly writes: number;
  /** Number of calls of activities, and of events handed to them. */
  readonly attempts: number;
  readonly events: number;
  /** Number of invocations, and of those that were killed. */
  readonly invocations: number;
  readonly kills: number;
  /** How long after the faults every task was at the head of its stream, in simulated minutes. */
  readonly settledMinutes: number;
  readonly violation: Violation | undefined;
  /** Empty unless the option `story` is set. */
  readonly story: readonly string[];
}

const start = Date.UTC(2026, 0, 1);
const minuteMs = 60_000;
/** Rule 22: the maximum of a backoff, a rescue, the grace, a lease, and the queue. */
const maxSettleMinutes = 90;
/** Rule 18: for kinds whose server is silent about unknown tails. */
const maxSilenceMinutes = 6 * 60;
const quietMinutes = 5;
/** Ten times the steps of a simulation in which a server is silent for hours. */
const maxSteps = 3_000_000;
const budget = { checks: 1_000, concurrency: 10 };

/**
 * Simulates an app with the code that runs on Lambda. Its clock, table, bus, queues, schedules, functions and upstream
 * are simulated, and their faults are drawn from the seed. After the faults every task must reach the head of its
 * stream. Checks each write against the protocol, and the promises T1 to T7. The first violation ends the simulation and
 * is in the report; nothing is thrown for it.
 */
export async function simulate(
  scenario: Scenario | ((chance: Chance) => Scenario),
  options: SimulationOptions,
): Promise<SimulationReport> {
  const simulation = new Simulation(scenario, options);
  await simulation.run();
  return simulation.report();
}

class Simulation {
  readonly #seed: number;
  readonly #stormMs: number;
  readonly #world: SimulatedWorld;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #story: Story;
  readonly #scenario: Scenario;
  readonly #aggregates: readonly Aggregate[];
  readonly #inspector: Inspector;
  readonly #table: SimulatedTable;
  readonly #upstream: SimulatedUpstream;
  readonly #bus: SimulatedBus;
  readonly #queues: readonly SimulatedQueue[];
  readonly #functions: readonly SimulatedFunction[];
  readonly #cron: SimulatedFunction;
  readonly #portsByProcess = new WeakMap<SimulatedProcess, Ports>();
  /** False in half of the simulations: then the wakes of probes are lost, and only signals tell of news. */
  readonly #hasProbes: boolean;
  /** Rarely true: to notice a tail that a silent server does not know takes hours, and many steps. */
  readonly #trimsSilent: boolean;
  readonly #tasks: readonly Task[];
  #version = 0;
  #deployedAt = start;
  #isCalm = false;
  #tokens = 0;
  #settledMinutes = 0;

  constructor(scenario: Scenario | ((chance: Chance) => Scenario), options: SimulationOptions) {
    const { seed, stormMinutes = 25, faults, story = false, mutation } = options;
    this.#seed = seed;
    this.#stormMs = stormMinutes * minuteMs;
    this.#random = new Random(seed);
    this.#timeline = new Timeline(this.#random.fork(), start);
    this.#story = new Story(story);
    this.#story.begin(this.#timeline);
    const hasProbes = this.#random.chance(0.5);
    this.#trimsSilent = this.#random.chance(0.05);
    // The search for such a tail begins hours after the last signal: only a probe causes it.
    this.#hasProbes = hasProbes || this.#trimsSilent;
    this.#scenario =
      typeof scenario === "function" ? scenario({ random: this.#random.fork(), isCalm: () => this.#isCalm }) : scenario;
    const drawn = faults ? { ...noFaults, ...faults } : drawnFaults(this.#random);
    this.#world = new SimulatedWorld(this.#timeline, this.#random, this.#story, drawn);
    this.#story.say("chance", () => `probes: ${this.#hasProbes}; faults: ${JSON.stringify(drawn)}`);
    this.#aggregates = this.#scenario.aggregates.map((definition) => new Aggregate(definition));
    this.#inspector = new Inspector(this.#world, this.#aggregates, (process, key) =>
      this.#portsOf(process).bindings.find(key),
    );
    this.#table = new SimulatedTable(this.#world, this.#inspector, mutation);
    this.#inspector.watch(this.#table.records);
    const histories: Histories = {
      eventsOf: (stream, address) => this.#aggregate(stream, address).events as never,
      append: (stream, address, event) => this.#append(this.#aggregate(stream, address), event),
    };
    const routes = (router: ConnectRouter) => this.#scenario.routes?.(router, histories);
    this.#upstream = new SimulatedUpstream(this.#world, this.#aggregates, {
      unary: scriptedTransport({ routes }, []).unary,
      unknownTail: this.#scenario.unknownTail,
    });
    const lazy = this.#function("lazy", 120_000, wakeHandler);
    this.#cron = this.#function("cron", 60_000, (ports, event, context) =>
      cronHandler(ports, this.#app.roots, budget, event, context),
    );
    const signals = this.#function("signals", 900_000, signalsHandler);
    const eager = this.#function("eager", 900_000, eagerHandler);
    this.#functions = [lazy, this.#cron, signals, eager];
    const queue = (name: QueueName, delayMs: number, batchSize: number, concurrency: number) =>
      new SimulatedQueue(this.#world, { name, delayMs, batchSize, concurrency }, lazy, {
        onDelete: (body, sentAt) => this.#onDelivered(body, sentAt),
        onLost: (body) => this.#onLost(body),
      });
    const [wakes, delayed, quarantine] = [
      queue("wakes", 0, 10, 5),
      queue("delay", 20_000, 10, 5),
      queue("quarantine", 0, 1, 2),
    ];
    this.#queues = [wakes, delayed, quarantine];
    this.#bus = new SimulatedBus(
      this.#world,
      { wakes, delayed, quarantine, signals, eager },
      { losesProbes: !this.#hasProbes, onLost: (body) => this.#onLost(body) },
    );
    this.#tasks = this.#scenario.tasks ?? this.#tasksOfFirstVersion();
  }

  get #app(): App {
    return this.#scenario.versions[this.#version % this.#scenario.versions.length] as App;
  }

  #tasksOfFirstVersion(): Task[] {
    return this.#app.activities.flatMap(({ activity }) =>
      this.#aggregates
        .filter(({ stream }) => stream.kind === activity.stream.kind)
        .map(({ address }) => task(activity, address as AddressOf<Stream>)),
    );
  }

  #function(
    name: string,
    timeoutMs: number,
    handler: (ports: Ports, event: unknown, context: Parameters<typeof wakeHandler>[2]) => Promise<unknown>,
  ): SimulatedFunction {
    const load = (processName: string): Loaded => {
      const process = new SimulatedProcess(processName, this.#world);
      const ports = this.#portsOf(process);
      return { process, version: this.#version, handler: (event, context) => handler(ports, event, context) };
    };
    return new SimulatedFunction(this.#world, { name, timeoutMs }, load, () => ({
      version: this.#version,
      since: this.#deployedAt,
    }));
  }

  #portsOf(process: SimulatedProcess): Ports {
    const known = this.#portsByProcess.get(process);
    if (known) return known;
    const { activities, signalSources, resources } = this.#app;
    const random = this.#random.fork();
    const ports = memoryPorts({
      activities: activities.map((bound) => this.#inspector.witness.observe(bound, process)),
      clock: process.clock,
      log: recordingLogger([]),
      store: this.#table.storeOf(process),
      control: this.#table.controlOf(process),
      alarms: this.#inspector.observeAlarms(this.#bus.alarmsOf(process)),
      upstream: this.#upstream.connectionsOf(process),
      openStream: this.#upstream.openStreamOf(process),
      signalSources: SimulatedUpstream.sources(signalSources),
      random: () => random.next(),
      newToken: () => `token-${++this.#tokens}`,
      limits: {
        resources,
        runsPerKind: 10,
      },
      exit: (name) => {
        process.kill(`the activity of ${name} ignored the abort`);
        throw new Error("the process has left");
      },
    });
    this.#portsByProcess.set(process, ports);
    return ports;
  }

  #onDelivered(body: string, sentAt: number): void {
    const message = ownMessage(decodeBusEvent(body));
    if (message && isSignal(message)) this.#inspector.signalDelivered(message.entity, sentAt);
  }

  #onLost(body: string): void {
    const message = ownMessage(decodeBusEvent(body));
    if (message && !isSignal(message) && message.class === "signal") this.#inspector.signalLost(message.key.entity);
  }

  async run(): Promise<void> {
    const operator = new SimulatedProcess("operator", this.#world);
    const tasks = tasksOf(this.#portsOf(operator));
    const end = start + this.#stormMs;
    for (const { activity, address } of this.#tasks) {
      this.#timeline.at(start + this.#random.magnitude(1, this.#stormMs / 3), () => {
        // A start that fails is repeated after the faults.
        tasks.start(activity, address as never).catch(() => {});
      });
    }
    for (const aggregate of this.#aggregates) this.#generateEvents(aggregate, end);
    this.#timeline.after(0, () => this.#everyMinute(operator));
    await this.#advance(end);
    this.#isCalm = true;
    this.#world.calm();
    this.#upstream.comeBack();
    this.#story.say("chance", () => "the faults have ended");
    await this.#comeToRest(operator);
  }

  #advance(until: number): Promise<void> {
    return this.#timeline.run(until, () => {
      if (this.#timeline.steps > maxSteps) {
        this.#inspector.fail("no amplification", `more than ${maxSteps} things happen`, "all");
      }
      return this.#inspector.violation !== undefined;
    });
  }

  /** Appends events until `end`, singly or in bursts. */
  #generateEvents(aggregate: Aggregate, end: number): void {
    const next = () => {
      const { timeline, random } = { timeline: this.#timeline, random: this.#random };
      if (timeline.now >= end || aggregate.events.length >= aggregate.maxEvents) return;
      this.#append(aggregate, aggregate.nextEvent(random));
      timeline.after(random.chance(0.4) ? random.magnitude(1, 200) : random.magnitude(500, 240_000), next);
    };
    this.#timeline.after(this.#random.magnitude(1, 120_000), next);
  }

  #append(aggregate: Aggregate, event: unknown): void {
    aggregate.append(this.#timeline.now, event);
    this.#story.say("upstream", () => `${aggregate.entity} has event ${aggregate.events.length}: ${aggregate.head}`);
    this.#signal(aggregate);
  }

  #aggregate(stream: Stream, address: Address): Aggregate {
    const entity = declarationOf(stream).definition.entityId(address);
    const found = this.#aggregates.find((one) => one.stream.kind === stream.kind && one.entity === entity);
    if (found) return found;
    throw new TailwakeError({
      code: "invalid-argument",
      subject: `history of ${stream.kind} ${entity}`,
      expected: `an aggregate of the scenario: one of ${this.#aggregates.map((one) => one.entity).join(", ")}`,
      received: entity,
    });
  }

  #signal(aggregate: Aggregate): void {
    const { faults } = this.#world;
    if (this.#app.signalSources.length > 0 && this.#random.chance(0.5)) {
      this.#upstream.signal(aggregate.entity);
      return;
    }
    if (this.#random.chance(faults.loseSignal)) return;
    const { entity } = this.#random.chance(faults.aliasSignal) ? this.#random.pick(this.#aggregates) : aggregate;
    this.#bus.put(encodeBusEvent({ class: "signal", entity }));
  }

  /** Invokes the cron function, and draws the faults of the minute. */
  #everyMinute(operator: SimulatedProcess): void {
    const { faults } = this.#world;
    const random = this.#random;
    this.#timeline.after(minuteMs, () => this.#everyMinute(operator));
    const tick = () => this.#timeline.after(random.between(0, 5_000), () => void this.#cron.invoke({}));
    if (!random.chance(faults.loseTick)) tick();
    if (random.chance(faults.doubleTick)) tick();
    const within = (act: () => void) =>
      this.#timeline.after(random.between(0, minuteMs), () => {
        if (!this.#isCalm) act();
      });
    if (random.chance(faults.outage)) within(() => this.#upstream.goOut(random.magnitude(2_000, 240_000)));
    if (random.chance(faults.trim)) {
      const aggregate = random.pick(this.#aggregates);
      within(() => {
        if (aggregate.isSilent && !this.#trimsSilent) return;
        aggregate.trim(random.whole(0, 5));
        this.#story.say("upstream", () => `${aggregate.entity} forgets its first ${aggregate.trimmed} events`);
      });
    }
    if (random.chance(faults.hang)) within(() => this.#hang());
    if (random.chance(faults.operate)) within(() => void this.#operate(operator));
    if (random.chance(faults.deploy)) {
      within(() => {
        this.#version++;
        this.#deployedAt = this.#timeline.now;
        this.#story.say("operator", () => `deploys version ${this.#version % this.#scenario.versions.length}`);
      });
    }
  }

  #hang(): void {
    const { hanging } = this.#world;
    const entities = this.#aggregates.map(({ entity }) => entity).filter(() => this.#random.chance(0.5));
    for (const entity of entities) hanging.add(entity);
    this.#story.say("chance", () => `activities of ${entities.join(", ")} hang`);
    this.#timeline.after(this.#random.magnitude(minuteMs, 10 * minuteMs), () => {
      for (const entity of entities) hanging.delete(entity);
    });
  }

  async #operate(operator: SimulatedProcess): Promise<void> {
    const ports = this.#portsOf(operator);
    const one = this.#random.pick(this.#tasks);
    const binding = ports.bindings.of(one.activity);
    try {
      await operate(this.#world, tasksOf(ports), one, one.activity.stream.upstream, () =>
        this.#inspector.mayBeEarly(taskKey(binding, one.address)),
      );
    } catch (error) {
      this.#inspector.fail("simulator", `an operator's act failed: ${error}`, one.activity.name);
    }
  }

  /** T7: after the faults every task reaches the head of its stream, and then nothing runs any more. */
  async #comeToRest(operator: SimulatedProcess): Promise<void> {
    const tasks = tasksOf(this.#portsOf(operator));
    const calmAt = this.#timeline.now;
    const upstreams = Object.keys(this.#app.upstreams);
    // First, actions of operators that are in progress end.
    await this.#advance(this.#timeline.now + minuteMs);
    const wasSilent = this.#aggregates.some(({ isSilent, trimmed }) => isSilent && trimmed > 0);
    const settleMinutes = maxSettleMinutes + (wasSilent ? maxSilenceMinutes : 0);
    let isDone = false;
    const letRun = (work: () => Promise<void>) => {
      isDone = false;
      const end = (error?: unknown) => {
        isDone = true;
        if (error) this.#inspector.fail("simulator", `not let run: ${error}`, "all");
      };
      work().then(() => end(), end);
    };
    letRun(async () => {
      for (const { activity, address } of this.#tasks) await tasks.start(activity, address as never);
      await letAllRun(tasks, this.#tasks, upstreams);
    });
    await this.#until(() => isDone, 5);
    // Without probes only signals tell of news: signaled events must have been read. The others are signaled below.
    const current = this.#portsOf(new SimulatedProcess("current", this.#world)).bindings;
    const engineOf = (record: TaskRecord) => current.find(record).engine;
    const mayMiss = (record: TaskRecord) =>
      !this.#hasProbes && engineOf(record) === "lazy" && record.status === "sleeping" && !record.awaiting;
    const unsettled = async () => {
      const all = await this.#records();
      // A task whose runs died too often may be parked only now.
      if (isDone && all.some(({ status }) => status === "parked"))
        letRun(() => letAllRun(tasks, this.#tasks, upstreams));
      return all.filter((record) => !this.#inspector.hasArrived(record, engineOf(record)) && !mayMiss(record));
    };
    await this.#until(async () => (await unsettled()).length === 0, settleMinutes);
    for (const record of await unsettled())
      this.#inspector.expectArrived(record, engineOf(record), this.#timeline.now - calmAt);
    await this.#untilQueuesEmpty();
    for (const record of await this.#records())
      if (this.#isAlwaysLazy(record)) this.#inspector.expectSignaledRead(record);
    if (this.#inspector.violation) return;
    if (!this.#hasProbes) {
      for (const { entity } of this.#aggregates) this.#bus.put(encodeBusEvent({ class: "signal", entity }));
    }
    const isAtHead = async () =>
      (await this.#records()).every((record) => this.#inspector.hasArrived(record, engineOf(record)));
    await this.#until(isAtHead, settleMinutes);
    for (const record of await this.#records())
      this.#inspector.expectArrived(record, engineOf(record), this.#timeline.now - calmAt);
    this.#settledMinutes = (this.#timeline.now - calmAt) / minuteMs;
    await this.#untilQueuesEmpty();
    // A process that was frozen when the faults ended may still have old work.
    await this.#advance(Math.max(this.#timeline.now, calmAt + maxStandstillMs + minuteMs));
    this.#inspector.isQuiet = true;
    await this.#until(() => false, quietMinutes);
  }

  /** Whether every version binds the activity to the lazy engine. In another engine a signal may wake no task. */
  #isAlwaysLazy({ kind, activity: name }: TaskRecord): boolean {
    return this.#scenario.versions.every(({ activities }) =>
      activities.some(
        ({ activity, engine }) => engine === "lazy" && activity.name === name && activity.stream.kind === kind,
      ),
    );
  }

  async #untilQueuesEmpty(): Promise<void> {
    await this.#until(() => this.#queues.every(({ size }) => size === 0) && this.#bus.underWay === 0, 30);
    const left = this.#queues.reduce((sum, { size }) => sum + size, 0);
    if (left > 0) this.#inspector.fail("no amplification", `${left} messages are still there`, "the queues");
  }

  /** Advances time by minutes until a condition is true, or for at most `minutes`. */
  async #until(isSo: () => boolean | Promise<boolean>, minutes: number): Promise<void> {
    for (let minute = 0; minute < minutes && !this.#inspector.violation; minute++) {
      if (await isSo()) return;
      await this.#advance(this.#timeline.now + minuteMs);
    }
  }

  async #records(): Promise<TaskRecord[]> {
    const records: TaskRecord[] = [];
    for await (const record of this.#table.records.list()) records.push(record);
    return records;
  }

  report(): SimulationReport {
    const sum = (of: (one: SimulatedFunction) => number) => this.#functions.reduce((total, one) => total + of(one), 0);
    return {
      seed: this.#seed,
      steps: this.#timeline.steps,
      simulatedMinutes: (this.#timeline.now - start) / minuteMs,
      writes: this.#inspector.writes,
      attempts: this.#inspector.witness.attempts,
      events: this.#inspector.witness.events,
      invocations: sum(({ invocations }) => invocations),
      kills: sum(({ kills }) => kills),
      settledMinutes: this.#settledMinutes,
      violation: this.#inspector.violation,
      story: this.#story.lines,
    };
  }
}
