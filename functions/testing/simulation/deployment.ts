import type { ConnectRouter } from "@connectrpc/connect";
import type { App } from "../../app.ts";
import { type Binding, Bindings } from "../../engines/binding.ts";
import type { Ports } from "../../engines/ports.ts";
import { recordingLogger } from "../../foundation/recording-logger.ts";
import type { LambdaContext } from "../../lambda/context.ts";
import { cronHandler } from "../../lambda/cron-event.ts";
import { isAbandoned } from "../../lambda/invocation.ts";
import { eagerHandler, signalsHandler } from "../../lambda/leader-event.ts";
import { wakeHandler } from "../../lambda/wake-event.ts";
import type { QueueName } from "../../queue/queue-age.ts";
import type { TaskKey, TaskRecord } from "../../tasks/record.ts";
import { decodeBusEvent, ownMessage } from "../../wake/envelope.ts";
import { isSignal, type WakeMessage } from "../../wake/wake.ts";
import { memoryPorts } from "../memory-ports.ts";
import { scriptedTransport } from "../scripted-server.ts";
import type { Aggregate } from "./aggregate.ts";
import { SimulatedBus } from "./bus.ts";
import { type Loaded, SimulatedFunction } from "./function.ts";
import type { Inspector } from "./inspector.ts";
import type { Platform } from "./platform.ts";
import { SimulatedProcess } from "./process.ts";
import { SimulatedQueue } from "./queue.ts";
import type { Random } from "./random.ts";
import { type Mutation, SimulatedTable } from "./table.ts";
import { SimulatedUpstream } from "./upstream.ts";
import type { SimulatedWorld } from "./world.ts";

export interface DeploymentOptions {
  /** Versions of the app, deployed one after another; after the last the first again. */
  readonly versions: readonly App[];
  readonly aggregates: readonly Aggregate[];
  readonly routes: (router: ConnectRouter) => void;
  readonly unknownTail: ConstructorParameters<typeof SimulatedUpstream>[2]["unknownTail"];
  readonly platform: Platform;
  /** No wake of a probe arrives: then only signals tell of news. */
  readonly losesProbes: boolean;
  readonly mutation: Mutation | undefined;
}

/** More calls at once than the connections of the SDK take (Node's client: 50), each of which some others wait for. */
const maxCallsAtOnce = 250;

/** Calls that change nothing, and those of activities, which an invocation may have abandoned (rule 20). */
const mayBeLeft = /^(read|query|due|eager|call|checkpoint|start|add waiter|remove waiter) /;

/** An app as it is deployed: its functions, queues, bus and table, and the upstreams that it calls. */
export class Deployment {
  readonly table: SimulatedTable;
  readonly upstream: SimulatedUpstream;
  readonly bus: SimulatedBus;
  readonly queues: readonly SimulatedQueue[];
  readonly functions: readonly SimulatedFunction[];
  readonly #world: SimulatedWorld;
  readonly #inspector: Inspector;
  readonly #options: DeploymentOptions;
  readonly #random: Random;
  readonly #cron: SimulatedFunction;
  /** The bindings of the first version, which has every activity. */
  readonly wholeBindings: Bindings;
  readonly #ports = new WeakMap<SimulatedProcess, Ports>();
  #current: { readonly app: App; readonly bindings: Bindings } | undefined;
  #version = 0;
  #deployedAt = Number.NEGATIVE_INFINITY;
  #tokens = 0;

  constructor(world: SimulatedWorld, inspector: Inspector, options: DeploymentOptions) {
    this.#world = world;
    this.#inspector = inspector;
    this.#options = options;
    this.#random = world.random;
    this.wholeBindings = new Bindings(this.app.activities);
    const { platform, routes, unknownTail, losesProbes } = options;
    this.table = new SimulatedTable(world, inspector, options.mutation);
    inspector.watch(this.table.records);
    this.upstream = new SimulatedUpstream(world, options.aggregates, {
      unary: scriptedTransport({ routes }, []).unary,
      unknownTail,
    });
    const lazy = this.#function("lazy", 120_000, wakeHandler);
    this.#cron = this.#function("cron", platform.tickMs, (ports, event, context) =>
      cronHandler(ports, this.app.roots, platform.budget, event, context),
    );
    const signals = this.#function("signals", platform.leaderMs, signalsHandler);
    const eager = this.#function("eager", platform.leaderMs, eagerHandler);
    this.functions = [lazy, this.#cron, signals, eager];
    const queue = (name: QueueName, delayMs: number, batchSize: number, concurrency: number) =>
      new SimulatedQueue(world, { name, delayMs, batchSize, concurrency }, lazy, {
        onDelete: (body, sentAt) => this.#onDelivered(body, sentAt),
        onLost: (body) => this.#onLost(body),
      });
    const [wakes, delayed, quarantine] = [
      queue("wakes", 0, 10, 5),
      queue("delay", 20_000, 10, 5),
      queue("quarantine", 0, 1, 2),
    ];
    this.queues = [wakes, delayed, quarantine];
    this.bus = new SimulatedBus(
      world,
      { wakes, delayed, quarantine, signals, eager },
      { losesProbes, onLost: (body) => this.#onLost(body) },
    );
  }

  /** The version that is deployed. */
  get app(): App {
    return this.#appOf(this.#version);
  }

  /** When it was; minus infinity for the version that was there from the beginning. */
  get deployedAt(): number {
    return this.#deployedAt;
  }

  #appOf(version: number): App {
    const { versions } = this.#options;
    return versions[version % versions.length] as App;
  }

  /**
   * Whether a tick has seen how the version binds its activities: a version that goes before that leaves no word of what
   * it has bound (rule 11).
   */
  async isTakenUp(): Promise<boolean> {
    const found = Object((await this.table.documents.read("bindings"))?.value).bindings ?? {};
    return this.app.activities.every(({ activity, engine, everyMinutes }) => {
      const seen = found[`${activity.stream.kind}/${activity.name}`];
      return seen === (everyMinutes > 0 ? `${engine} ${everyMinutes}` : engine);
    });
  }

  deploy(): void {
    this.#version++;
    this.#deployedAt = this.#world.timeline.now;
    const number = this.#version % this.#options.versions.length;
    this.#world.story.say("operator", () => `deploys version ${number}`);
  }

  /** Deploys a version that has each activity of the first one, unless this one has. */
  deployWhole(): void {
    const names = (app: App) => new Set(app.activities.map(({ activity }) => activity.name));
    const isWhole = () => [...names(this.#appOf(0))].every((name) => names(this.app).has(name));
    while (!isWhole()) this.deploy();
  }

  /** Invokes the cron function. */
  tick(): void {
    void this.#cron.invoke({});
  }

  /** Number of ticks that were killed. */
  get killedTicks(): number {
    return this.#cron.kills;
  }

  /** How long the message that has waited longest in the wake queue has waited, in milliseconds. */
  get wakeQueueAgeMs(): number {
    return this.queues[0]?.oldestMs ?? 0;
  }

  /** The binding of a task in the version of a process; in another one, if that version does not have its activity. */
  bindingOf(process: SimulatedProcess, { kind, activity }: Pick<TaskKey, "kind" | "activity">): Binding {
    const { bindings } = this.portsOf(process);
    const isHere = [...bindings].some(
      ({ stream, declaration }) => stream.kind === kind && declaration.name === activity,
    );
    return (isHere ? bindings : this.wholeBindings).find({ kind, activity });
  }

  /** The binding of a task in the version that is deployed. */
  current(record: TaskRecord): Binding {
    return (this.#current?.app === this.app ? this.#current : this.#bind()).bindings.find(record);
  }

  #bind() {
    this.#current = { app: this.app, bindings: new Bindings(this.app.activities) };
    return this.#current;
  }

  /** Whether every version binds the activity to the lazy engine. In another engine a signal may wake no task. */
  isAlwaysLazy({ kind, activity: name }: TaskRecord): boolean {
    return this.#options.versions.every(({ activities }) =>
      activities.some(
        ({ activity, engine }) => engine === "lazy" && activity.name === name && activity.stream.kind === kind,
      ),
    );
  }

  portsOf(process: SimulatedProcess): Ports {
    const known = this.#ports.get(process);
    if (known) return known;
    const ports = this.#portsFor(this.app, this.#version, process);
    this.#ports.set(process, ports);
    return ports;
  }

  #portsFor({ activities, signalSources, resources }: App, version: number, process: SimulatedProcess): Ports {
    const { eagerShards } = this.#options.platform;
    const random = this.#random.fork();
    return memoryPorts({
      activities: activities.map((bound) => this.#inspector.witness.observe(bound, process)),
      clock: process.clock,
      log: recordingLogger([]),
      store: this.table.storeOf(process),
      control: this.table.controlOf(process),
      alarms: this.#inspector.observeAlarms(this.bus.alarmsOf(process), process),
      upstream: this.upstream.connectionsOf(process),
      openStream: this.upstream.openStreamOf(process),
      signalSources: SimulatedUpstream.sources(signalSources),
      random: () => random.next(),
      newToken: () => `token-${++this.#tokens}`,
      limits: { resources, runsPerKind: 10, eagerShards: eagerShards[version % eagerShards.length] ?? 1 },
      exit: (name) => {
        process.kill(`the activity of ${name} ignored the abort`);
        throw new Error("the process has left");
      },
    });
  }

  async recordsOfApp(): Promise<TaskRecord[]> {
    const { app } = this;
    const records: TaskRecord[] = [];
    for await (const record of this.table.records.list()) {
      const isKnown = app.activities.some(
        ({ activity }) => activity.name === record.activity && activity.stream.kind === record.kind,
      );
      if (isKnown) records.push(record);
    }
    return records;
  }

  #function(
    name: string,
    timeoutMs: number,
    handler: (ports: Ports, event: unknown, context: LambdaContext) => Promise<unknown>,
  ): SimulatedFunction {
    const load = (processName: string): Loaded => {
      const process = new SimulatedProcess(processName, this.#world);
      const ports = this.portsOf(process);
      return { process, version: this.#version, handler: (event, context) => handler(ports, event, context) };
    };
    const one = new SimulatedFunction(this.#world, { name, timeoutMs }, load, () => ({
      version: this.#version,
      since: this.#deployedAt,
    }));
    one.onAnswered = (process) => this.#onAnswered(process);
    return one;
  }

  #onAnswered(process: SimulatedProcess): void {
    const { name, callsUnderWay, maxCalls } = process;
    // Starts of an activity that ignored the abort go on until its process exits, at its next invocation (rule 20).
    const left = isAbandoned(this.portsOf(process)) ? undefined : callsUnderWay.find((call) => !mayBeLeft.test(call));
    if (left) this.#inspector.fail("rule 20", `an invocation has answered before its call was answered: ${left}`, name);
    if (maxCalls > maxCallsAtOnce)
      this.#inspector.fail("no amplification", `an invocation made ${maxCalls} calls at once`, name);
  }

  #onDelivered(body: string, sentAt: number): void {
    const aggregate = this.#options.aggregates.find(({ busEvent }) => busEvent === body);
    if (aggregate) this.#inspector.arrivals.signalDelivered(aggregate.entity, sentAt);
    const message = messageIn(body);
    if (!message) return;
    if (isSignal(message)) this.#inspector.arrivals.signalDelivered(message.entity, sentAt);
    else if (message.class === "operator") void this.#inspector.operatorWakeDelivered(message, sentAt);
  }

  #onLost(body: string): void {
    const message = messageIn(body);
    if (!message || isSignal(message)) return;
    if (message.class === "signal") this.#inspector.arrivals.signalLost(message.key.entity, this.#world.timeline.now);
    if (message.class === "operator") this.#inspector.operatorWakeLost(message);
  }
}

/** The message in a bus event; undefined if it is a service's, or malformed. */
function messageIn(body: string): WakeMessage | undefined {
  try {
    return ownMessage(decodeBusEvent(body));
  } catch {
    return undefined;
  }
}
