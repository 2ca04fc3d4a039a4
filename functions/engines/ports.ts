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
import type { Alarms } from "../wake/alarms.ts";
import type { Bindings } from "./binding.ts";
import { Breakers } from "./breakers.ts";
import type { Meter } from "./meter.ts";
import type { Tracer } from "./tracer.ts";

/** The app, as the engines see it. */
export interface BoundApp {
  readonly bindings: Bindings;
  readonly limits: Limits;
  readonly signalSources: readonly SignalSourceDeclaration[];
}

/** What is measured and logged. */
export interface Telemetry {
  readonly log: Logger;
  readonly meter: Meter;
  readonly tracer: Tracer;
  readonly observer?: RunObserver;
}

/** The world outside the engines: AWS and the upstreams, or their twins in memory. */
export interface Outside {
  readonly store: TaskStore;
  readonly control: ControlStore;
  readonly alarms: Alarms;
  readonly clock: Clock;
  /** In [0, 1). */
  random(): number;
  /** A lease token that nobody else has. */
  newToken(): string;
  upstream(name: string): UpstreamConnection;
  /** Opens event streams: `openEventStream`, unless a test scripts them. */
  openStream(request: StreamRequest): Promise<OpenStream>;
  /** Ends this process: a task's activity ignored the abort, and what it still does must not reach another run (rule 20). */
  exit(task: string): never;
}

/** Everything the engines work with. A function that needs little of it takes a `Pick`. */
export interface Ports extends BoundApp, Telemetry, Outside {
  readonly breakers: Breakers;
}

/** Puts the ports together. A process does so once: the breakers remember what they have read. */
export function portsOf(app: BoundApp, outside: Outside, telemetry: Telemetry): Ports {
  const { control, clock, random, upstream } = outside;
  const breakers = new Breakers({ control, clock, log: telemetry.log, random, upstream });
  return { ...app, ...outside, ...telemetry, breakers };
}

/** Hears what runs do. It must not throw. */
export interface RunObserver {
  /** Level 2: `act` is about to be called. */
  onAct?(task: TaskKey): void;
  onStart?(child: Activity, address: Address): void;
  /** How a pass of a run ended. */
  onOutcome?(task: TaskKey, outcome: Outcome): void;
}

export interface Limits {
  /** Runs at once in one invocation of the lazy function. */
  readonly runs: number;
  /** Of these, runs of one kind. */
  readonly runsPerKind: number;
  /** Of these, runs of activities that name a resource. */
  readonly resources: Readonly<Record<string, number>>;
  /** How long a sleeping lazy task is left without a check, since signals may be lost. */
  readonly probePeriodMs: number;
  /** Over how many leaders the eager tasks are spread. */
  readonly eagerShards: number;
  /** Streams that one eager leader watches at most. */
  readonly eagerWatches: number;
}

/** The time that an invocation gives its runs. Times are in milliseconds since 1970. */
export interface Invocation {
  /** Aborts when the runs are to commit and hand over. */
  readonly signal: AbortSignal;
  /** When `signal` aborts. */
  readonly deadline: number;
  /** An activity that has not returned by then is abandoned. */
  readonly abandonAt: number;
  /** When the platform kills the invocation. */
  readonly hardEnd: number;
  /** Called for an activity that ignored the abort: what it still does must not reach the next invocation (rule 20). */
  abandoned(task: string): void;
}
