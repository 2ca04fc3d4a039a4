import type { Clock } from "../../functions/contract/clock.ts";
import type { Logger } from "../../functions/contract/logger.ts";
import { type SignalSource, sourceDeclarationOf } from "../../functions/contract/signal-source.ts";
import { Bindings, type Bound } from "../../functions/engines/binding.ts";
import { Breakers } from "../../functions/engines/breakers.ts";
import type { Limits, Machinery } from "../../functions/engines/engine.ts";
import type { ControlStore } from "../../functions/tasks/control.ts";
import { MemoryTaskStore } from "../../functions/tasks/memory.ts";
import { MemoryControlStore } from "../../functions/tasks/memory-control.ts";
import type { TaskStore } from "../../functions/tasks/store.ts";
import type { UpstreamConnection } from "../../functions/upstream/connection.ts";
import { MemoryWakes } from "../../functions/wake/memory.ts";
import type { Wakes } from "../../functions/wake/wakes.ts";

export interface MachineryOptions<W extends Wakes = MemoryWakes> {
  readonly activities: readonly Bound[];
  readonly clock: Clock;
  readonly log: Logger;
  /** By name, or one for all. */
  readonly upstream: UpstreamConnection | ((name: string) => UpstreamConnection);
  readonly wakes?: W;
  readonly store?: TaskStore;
  readonly control?: ControlStore;
  readonly limits?: Partial<Limits>;
  readonly signalSources?: readonly SignalSource[];
  readonly random?: () => number;
  readonly newToken?: () => string;
}

/** The engines' machinery with everything around it in memory, unless given. */
export function memoryMachinery(options: MachineryOptions): Machinery & { readonly wakes: MemoryWakes };
export function memoryMachinery<W extends Wakes>(
  options: MachineryOptions<W> & { readonly wakes: W },
): Machinery & { readonly wakes: W };
export function memoryMachinery(options: MachineryOptions<Wakes>): Machinery {
  const { clock, log, activities, signalSources = [], random = () => 0.5 } = options;
  const given = options.upstream;
  const upstream = typeof given === "function" ? given : () => given;
  const control = options.control ?? new MemoryControlStore();
  let tokens = 0;
  return {
    bindings: new Bindings(activities),
    store: options.store ?? new MemoryTaskStore(),
    control,
    wakes: options.wakes ?? new MemoryWakes(clock),
    clock,
    log,
    limits: {
      runs: 100,
      runsPerKind: 10,
      resources: {},
      probePeriodMs: 900_000,
      eagerShards: 1,
      eagerWatches: 1000,
      ...options.limits,
    },
    breakers: new Breakers({ control, clock, log, random, upstream }),
    signalSources: signalSources.map(sourceDeclarationOf),
    random,
    newToken: options.newToken ?? (() => `token-${++tokens}`),
    upstream,
  };
}
