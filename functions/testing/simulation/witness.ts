import { type ActivityDeclaration, behaviourOf, type Run, type RunContext } from "../../contract/activity.ts";
import type { Outcome } from "../../contract/outcome.ts";
import { declarationOf, type EventStream, type Recorded, type Stream } from "../../contract/stream.ts";
import type { Tail } from "../../contract/tail.ts";
import type { Bound } from "../../engines/binding.ts";
import { type TaskKey, taskName } from "../../tasks/record.ts";
import type { SimulatedProcess } from "./process.ts";

/** The events and tails of one call of a level 1 activity. */
export interface Attempt {
  readonly fence: number;
  /** Ids of the events handed out, in order. */
  readonly handed: string[];
  /** The tail it was given, and the tails that it advanced to, checkpointed or returned. */
  readonly said: Set<Tail>;
  outcome: Outcome | undefined;
}

/** Hears what activities are given and told. */
export interface WitnessObserver {
  /** An activity is about to be called. What it throws, the activity throws. */
  onBegin(process: SimulatedProcess, task: TaskKey, fence: number): void;
  onEvent(task: TaskKey, id: string): void;
  /** A run was told that it is woken when a child completes. */
  onAwait(parent: TaskKey, child: TaskKey): void;
}

/** Wraps the activities and records their events, tails and outcomes. */
export class Witness {
  /** The attempts by process and task, the newest last. */
  readonly #attempts = new WeakMap<SimulatedProcess, Map<string, Attempt[]>>();
  readonly #observer: WitnessObserver;
  /** Number of calls of activities. */
  attempts = 0;
  events = 0;

  constructor(observer: WitnessObserver) {
    this.#observer = observer;
  }

  /** The attempts of a task in a process under one fence. */
  attemptsOf(process: SimulatedProcess, task: TaskKey, fence: number): readonly Attempt[] {
    return (this.#attempts.get(process)?.get(taskName(task)) ?? []).filter((attempt) => attempt.fence === fence);
  }

  /** The same binding, with the activity wrapped for a process. */
  observe(bound: Bound, process: SimulatedProcess): Bound {
    const declaration = behaviourOf(bound.activity);
    const { behaviour, name, stream } = declaration;
    const { definition, kind } = declarationOf(stream);
    const taskOf = (run: { readonly address: object }): TaskKey => ({
      entity: definition.entityId(run.address as never),
      kind,
      activity: name,
    });
    const observed: ActivityDeclaration = {
      ...declaration,
      behaviour:
        behaviour.type === "processor"
          ? {
              type: "processor",
              processEvents: async (run, events) => {
                const key = taskOf(run);
                const attempt = this.#begin(process, key, run.fence);
                attempt.said.add(run.tail);
                const outcome = await behaviour.processEvents(
                  saying(this.#starting(run, key), attempt),
                  this.#handing(events, key, attempt),
                );
                if (outcome.tail !== undefined) attempt.said.add(outcome.tail);
                attempt.outcome = outcome;
                return outcome;
              },
            }
          : {
              ...behaviour,
              act: (view, run) => {
                const key = taskOf(run);
                this.#begin(process, key, run.fence);
                return behaviour.act(view, this.#starting(run, key));
              },
            },
    };
    return { ...bound, activity: observed };
  }

  /** The run, with an ear for what it is told about its children. */
  #starting<R extends RunContext<Stream>>(run: R, parent: TaskKey): R {
    const start: RunContext<Stream>["start"] = (child, address, options) => {
      const started = run.start(child, address, options).then((status) => {
        const { definition, kind } = declarationOf(child.stream);
        const entity = definition.entityId(address as never);
        if (options?.wake && status !== "completed")
          this.#observer.onAwait(parent, { entity, kind, activity: child.name });
        return status;
      });
      // An activity need not await it.
      started.catch(() => {});
      return started;
    };
    return { ...run, start };
  }

  #begin(process: SimulatedProcess, task: TaskKey, fence: number): Attempt {
    this.attempts++;
    this.#observer.onBegin(process, task, fence);
    const byTask = this.#attempts.get(process) ?? new Map<string, Attempt[]>();
    this.#attempts.set(process, byTask);
    const attempts = byTask.get(taskName(task)) ?? [];
    byTask.set(taskName(task), attempts);
    const attempt: Attempt = { fence, handed: [], said: new Set(), outcome: undefined };
    attempts.push(attempt);
    return attempt;
  }

  #handing(events: EventStream<unknown>, key: TaskKey, attempt: Attempt): EventStream<unknown> {
    const record = ({ id }: Recorded<unknown>) => {
      this.events++;
      attempt.handed.push(id);
      this.#observer.onEvent(key, id);
    };
    return {
      async *[Symbol.asyncIterator]() {
        for await (const recorded of events) {
          record(recorded);
          yield recorded;
        }
      },
      async *batches() {
        for await (const batch of events.batches()) {
          for (const recorded of batch.events) record(recorded);
          yield batch;
        }
      },
    };
  }
}

function saying(run: Run<Stream>, attempt: Attempt): Run<Stream> {
  return {
    ...run,
    advance(tail) {
      attempt.said.add(tail);
      run.advance(tail);
    },
    checkpoint(tail) {
      attempt.said.add(tail);
      return run.checkpoint(tail);
    },
  };
}
