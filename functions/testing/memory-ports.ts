import { type SignalSource, sourceDeclarationOf } from "../contract/signal-source.ts";
import { Bindings, type Bound } from "../engines/binding.ts";
import { type Meter, noMeter } from "../engines/meter.ts";
import { type Limits, type Ports, portsOf } from "../engines/ports.ts";
import { noTracer, type Tracer } from "../engines/tracer.ts";
import type { Clock } from "../foundation/clock.ts";
import type { Logger } from "../foundation/logger.ts";
import type { ControlStore } from "../tasks/control.ts";
import { MemoryTaskStore } from "../tasks/memory.ts";
import { MemoryControlStore } from "../tasks/memory-control.ts";
import type { TaskStore } from "../tasks/store.ts";
import type { UpstreamConnection } from "../upstream/connection.ts";
import { openEventStream } from "../upstream/event-stream.ts";
import type { Alarms } from "../wake/alarms.ts";
import { MemoryAlarms } from "../wake/memory.ts";

export interface MemoryPortsOptions<W extends Alarms = MemoryAlarms> {
  readonly activities: readonly Bound[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter?: Meter;
  readonly tracer?: Tracer;
  /** A function by the upstream's name, or one connection for all. */
  readonly upstream: UpstreamConnection | ((name: string) => UpstreamConnection);
  readonly alarms?: W;
  readonly store?: TaskStore;
  readonly control?: ControlStore;
  readonly limits?: Partial<Limits>;
  readonly signalSources?: readonly SignalSource[];
  readonly random?: () => number;
  readonly newToken?: () => string;
  readonly openStream?: Ports["openStream"];
  readonly exit?: Ports["exit"];
}

/** The ports of the engines, in memory unless given in the options. */
export function memoryPorts(options: MemoryPortsOptions): Ports & { readonly alarms: MemoryAlarms };
export function memoryPorts<W extends Alarms>(
  options: MemoryPortsOptions<W> & { readonly alarms: W },
): Ports & { readonly alarms: W };
export function memoryPorts(options: MemoryPortsOptions<Alarms>): Ports {
  const { clock, log, activities, signalSources = [], random = () => 0.5 } = options;
  const given = options.upstream;
  let tokens = 0;
  return portsOf(
    {
      bindings: new Bindings(activities),
      signalSources: signalSources.map(sourceDeclarationOf),
      limits: { ...limits, ...options.limits },
    },
    {
      store: options.store ?? new MemoryTaskStore(),
      control: options.control ?? new MemoryControlStore(),
      alarms: options.alarms ?? new MemoryAlarms(clock),
      clock,
      random,
      newToken: options.newToken ?? (() => `token-${++tokens}`),
      upstream: typeof given === "function" ? given : () => given,
      openStream: options.openStream ?? openEventStream,
      exit: options.exit ?? leave,
    },
    { log, meter: options.meter ?? noMeter, tracer: options.tracer ?? noTracer },
  );
}

const limits: Limits = {
  runs: 100,
  runsPerKind: 10,
  resources: {},
  probePeriodMs: 900_000,
  eagerShards: 1,
  eagerWatches: 800,
};

/** Throws instead of exiting, so that the test's process goes on. */
function leave(task: string): never {
  throw new Error(`the activity of ${task} ignored the abort: its process would have ended here`);
}
