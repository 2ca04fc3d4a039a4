import type { ConnectError, ConnectRouter } from "@connectrpc/connect";
import type { App } from "../../app.ts";
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
import { Aggregate, type AggregateDefinition } from "./aggregate.ts";
import { beginToAil } from "./ailments.ts";
import { Deployment } from "./deployment.ts";
import { drawnFaults, type Faults, mildFaults, noFaults } from "./faults.ts";
import { Inspector } from "./inspector.ts";
import { drawnPlatform, usualPlatform } from "./platform.ts";
import { SimulatedProcess } from "./process.ts";
import { Random } from "./random.ts";
import { Rest } from "./rest.ts";
import { Storm } from "./storm.ts";
import { Story } from "./story.ts";
import type { Mutation } from "./table.ts";
import { Timeline } from "./timeline.ts";
import { Vigil } from "./vigil.ts";
import type { Violation } from "./violation.ts";
import { SimulatedWorld } from "./world.ts";

/** An app, and the aggregates around it. */
export interface Scenario {
  /** Versions of the app, deployed one after another; after the last the first again. The first has all activities. */
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
  /** Whether the faults have ended, or only some tasks ail. Then the scenario must add none. */
  readonly isCalm: () => boolean;
  /** Whether some tasks ail all the time, while the others are watched. */
  readonly isAiling: boolean;
}

export interface SimulationOptions {
  /** A whole number; the same seed gives the same simulation. */
  readonly seed: number;
  /** How long there are faults, in simulated minutes. Default 25; in a world in which some tasks ail, 60 to 120. */
  readonly stormMinutes?: number;
  /** Faults; those left out are 0. Default: all drawn from the seed. */
  readonly faults?: Partial<Faults>;
  /** Whether to record what happens as lines of text, which takes time. Default false. */
  readonly story?: boolean;
  /**
   * Whether some tasks ail all the time while the others are watched. Default: drawn from the seed, false if faults are
   * given.
   */
  readonly isAiling?: boolean;
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
const usualStormMinutes = 25;
/** Enough for a task that awaits a child to be checked too often, if it is. */
const longQuietMinutes = 35;

/**
 * Simulates an app with the code that runs on Lambda. Its clock, table, bus, queues, schedules, functions and upstreams
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
  readonly #isAiling: boolean;
  readonly #world: SimulatedWorld;
  readonly #timeline: Timeline;
  readonly #story: Story;
  readonly #scenario: Scenario;
  readonly #aggregates: readonly Aggregate[];
  readonly #tasks: readonly Task[];
  readonly #inspector: Inspector;
  readonly #deployment: Deployment;
  readonly #storm: Storm;
  readonly #rest: Rest;

  constructor(scenario: Scenario | ((chance: Chance) => Scenario), options: SimulationOptions) {
    const { seed, faults, story = false, mutation } = options;
    const random = new Random(seed);
    this.#seed = seed;
    this.#timeline = new Timeline(random.fork(), start);
    this.#story = new Story(story);
    this.#story.begin(this.#timeline);
    // In half of the simulations the wakes of probes are lost, and only signals tell of news.
    const drawsProbes = random.chance(0.5);
    // Rare: to notice a tail that a silent server does not know takes hours, and many steps.
    const trimsSilent = random.chance(0.05);
    this.#isAiling = options.isAiling ?? (random.chance(0.15) && faults === undefined);
    // The search for such a tail begins hours after the last signal: only a probe causes it.
    const hasProbes = drawsProbes || trimsSilent || this.#isAiling;
    const drawnMinutes = this.#isAiling ? random.between(60, 120) : usualStormMinutes;
    this.#stormMs = (options.stormMinutes ?? drawnMinutes) * minuteMs;
    const isCalm = () => this.#isAiling || this.#world.isCalm;
    this.#scenario =
      typeof scenario === "function" ? scenario({ random: random.fork(), isCalm, isAiling: this.#isAiling }) : scenario;
    const { versions } = this.#scenario;
    const drawn = faults ? { ...noFaults, ...faults } : this.#isAiling ? mildFaults(random) : drawnFaults(random);
    const platform = faults ? usualPlatform : drawnPlatform(random, versions.length, this.#isAiling);
    this.#world = new SimulatedWorld(this.#timeline, random, this.#story, drawn, platform.slowness);
    this.#story.say(
      "chance",
      () => `probes: ${hasProbes}; some ail: ${this.#isAiling}; ${JSON.stringify(platform)}; ${JSON.stringify(drawn)}`,
    );
    this.#aggregates = this.#scenario.aggregates.map((definition) => new Aggregate(definition));
    this.#inspector = new Inspector(this.#world, this.#aggregates, (process, key) =>
      this.#deployment.bindingOf(process, key),
    );
    this.#deployment = new Deployment(this.#world, this.#inspector, {
      versions,
      aggregates: this.#aggregates,
      routes: (router) => this.#scenario.routes?.(router, this.#histories()),
      unknownTail: this.#scenario.unknownTail,
      platform,
      losesProbes: !hasProbes,
      mutation,
    });
    this.#tasks = this.#scenario.tasks ?? this.#tasksOfFirstVersion();
    const parts = { aggregates: this.#aggregates, tasks: this.#tasks };
    const operator = new SimulatedProcess("operator", this.#world, { isPatient: true });
    const shared = [this.#world, this.#deployment, this.#inspector, operator] as const;
    this.#storm = new Storm(...shared, { ...parts, trimsSilent });
    this.#rest = new Rest(...shared, {
      ...parts,
      hasProbes,
      longQuietMinutes: random.chance(0.1) && !faults ? longQuietMinutes : 0,
    });
  }

  #tasksOfFirstVersion(): Task[] {
    return this.#deployment.app.activities.flatMap(({ activity }) =>
      this.#aggregates
        .filter(({ stream }) => stream.kind === activity.stream.kind)
        .map(({ address }) => task(activity, address as AddressOf<Stream>)),
    );
  }

  #histories(): Histories {
    return {
      eventsOf: (stream, address) => this.#aggregate(stream, address).events as never,
      append: (stream, address, event) => this.#storm.append(this.#aggregate(stream, address), event),
    };
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

  async run(): Promise<void> {
    const end = start + this.#stormMs;
    this.#storm.begin(end);
    if (this.#isAiling) {
      const ailments = beginToAil(this.#world, this.#deployment, this.#aggregates, this.#tasks, this.#stormMs);
      new Vigil(this.#world, this.#deployment, this.#inspector, ailments, this.#scenario.versions).begin();
    }
    await this.#rest.advance(end);
    this.#world.calm();
    this.#deployment.upstream.comeBack();
    this.#story.say("chance", () => "the faults have ended");
    await this.#rest.come();
  }

  report(): SimulationReport {
    const { functions } = this.#deployment;
    return {
      seed: this.#seed,
      steps: this.#timeline.steps,
      simulatedMinutes: (this.#timeline.now - start) / minuteMs,
      writes: this.#inspector.writes,
      attempts: this.#inspector.witness.attempts,
      events: this.#inspector.witness.events,
      invocations: functions.reduce((sum, { invocations }) => sum + invocations, 0),
      kills: functions.reduce((sum, { kills }) => sum + kills, 0),
      settledMinutes: this.#rest.settledMinutes,
      violation: this.#inspector.violation,
      story: this.#story.lines,
    };
  }
}
