import { type ActivityDeclaration, behaviourOf, type Run } from "../../contract/activity.ts";
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

/** Wraps the activities and records their events, tails and outcomes. */
export class Witness {
  /** The attempts by process and task, the newest last. */
  readonly #attempts = new WeakMap<SimulatedProcess, Map<string, Attempt[]>>();
  readonly #onBegin: (process: SimulatedProcess, task: TaskKey, fence: number) => void;
  readonly #onEvent: (task: TaskKey, id: string) => void;
  /** Number of calls of activities. */
  attempts = 0;
  events = 0;

  constructor(
    onBegin: (process: SimulatedProcess, task: TaskKey, fence: number) => void,
    onEvent: (task: TaskKey, id: string) => void,
  ) {
    this.#onBegin = onBegin;
    this.#onEvent = onEvent;
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
                  saying(run, attempt),
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
                this.#begin(process, taskOf(run), run.fence);
                return behaviour.act(view, run);
              },
            },
    };
    return { ...bound, activity: observed };
  }

  #begin(process: SimulatedProcess, task: TaskKey, fence: number): Attempt {
    this.attempts++;
    this.#onBegin(process, task, fence);
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
      this.#onEvent(key, id);
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
