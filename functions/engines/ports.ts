import type { Activity } from "../contract/activity.ts";
import type { Outcome } from "../contract/outcome.ts";
import type { SignalSourceDeclaration } from "../contract/signal-source.ts";
import type { Address } from "../contract/stream.ts";
import type { Clock } from "../foundation/clock.ts";
import type { Logger } from "../foundation/logger.ts";
import type { ControlStore } from "../tasks/control.ts";
import type { TaskKey } from "../tasks/record.ts";
import type { TaskStore } from "../tasks/store.ts";
import type { UpstreamConnection } from "../upstream/connection.ts";
import type { OpenStream, StreamRequest } from "../upstream/event-stream.ts";
import { Limiter } from "../upstream/limiter.ts";
import type { Alarms } from "../wake/alarms.ts";
import type { Bindings } from "./binding.ts";
import { Breakers } from "./breakers.ts";
import type { Meter } from "./meter.ts";
import type { Tracer } from "./tracer.ts";

/** The parts of an app that the engines use. */
export interface BoundApp {
  readonly bindings: Bindings;
  readonly limits: Limits;
  readonly signalSources: readonly SignalSourceDeclaration[];
}

/** Where the engines log, measure and trace. */
export interface Telemetry {
  readonly log: Logger;
  readonly meter: Meter;
  readonly tracer: Tracer;
  readonly observer?: RunObserver;
}

/** The ports to the world outside: AWS and the upstreams, or their replacements in memory. */
export interface Outside {
  readonly store: TaskStore;
  readonly control: ControlStore;
  readonly alarms: Alarms;
  readonly clock: Clock;
  /** In [0, 1). */
  random(): number;
  /** A unique lease token. */
  newToken(): string;
  upstream(name: string): UpstreamConnection;
  /** Opens event streams: `openEventStream`, or a scripted one in tests. */
  openStream(request: StreamRequest): Promise<OpenStream>;
  /** Exits this process. The activity of `task` ignored the abort, and must not go on during another run (rule 20). */
  exit(task: string): never;
}

/** Everything that the engines use. A function that needs only some of it takes a `Pick`. */
export interface Ports extends BoundApp, Telemetry, Outside {
  readonly breakers: Breakers;
  /** The starts of children, of all runs of this process. */
  readonly starts: Limiter;
}

/** Children that are started at once. Each start takes one or two requests to the table, whose client has 50 sockets. */
const startsAtOnce = 20;

/** Puts the ports together. Call it once per process: the breakers cache their state, and the limit of starts is its. */
export function portsOf(app: BoundApp, outside: Outside, telemetry: Telemetry): Ports {
  const { control, clock, random, upstream } = outside;
  const breakers = new Breakers({ control, clock, log: telemetry.log, random, upstream });
  return { ...app, ...outside, ...telemetry, breakers, starts: new Limiter(startsAtOnce) };
}

/** Is called as a run goes on. It must not throw. */
export interface RunObserver {
  /** Level 2: `act` is about to be called. */
  onAct?(task: TaskKey): void;
  onStart?(child: Activity, address: Address): void;
  /** A pass of a run has ended. */
  onOutcome?(task: TaskKey, outcome: Outcome): void;
}

export interface Limits {
  /** Maximum of concurrent runs in one invocation of the lazy function. */
  readonly runs: number;
  /** Maximum of these for one kind. */
  readonly runsPerKind: number;
  /** Maximum of these for the activities that name a resource. */
  readonly resources: Readonly<Record<string, number>>;
  /** How often a sleeping lazy task is probed, since signals may be lost. */
  readonly probePeriodMs: number;
  /** Number of shards of the eager tasks, each with one leader. */
  readonly eagerShards: number;
  /** Maximum of streams that one leader watches. */
  readonly eagerWatches: number;
}

/** The times of an invocation, in milliseconds since 1970. */
export interface Invocation {
  /** Aborts at the deadline: the runs commit and hand over. */
  readonly signal: AbortSignal;
  /** When `signal` aborts. */
  readonly deadline: number;
  /** An activity that has not returned by then is abandoned. */
  readonly abandonAt: number;
  /** When the platform kills the invocation. */
  readonly hardEnd: number;
  /** Called for an activity that ignored the abort. It must not go on during the next invocation (rule 20). */
  abandoned(task: string): void;
}
