import type { ControlStore } from "../../functions/tasks/control.ts";
import type { TaskStore } from "../../functions/tasks/store.ts";

/** Requests to the table. */
export interface Counts {
  readonly reads: number;
  readonly queries: number;
  readonly writes: number;
  /** Refused conditional writes; DynamoDB bills them. */
  readonly refusedWrites: number;
  readonly dueQueries: number;
  /** Reads of breakers, leaders and the queue age. */
  readonly documentReads: number;
  readonly documentWrites: number;
}

const none: Counts = {
  reads: 0,
  queries: 0,
  writes: 0,
  refusedWrites: 0,
  dueQueries: 0,
  documentReads: 0,
  documentWrites: 0,
};

/** Counts the requests of all processes to the table. */
export class Requests {
  #counts = { ...none };

  get counts(): Counts {
    return { ...this.#counts };
  }

  store(store: TaskStore): TaskStore {
    return {
      ...store,
      get: (key) => {
        this.#counts.reads++;
        return store.get(key);
      },
      tasksOf: (entity) => {
        this.#counts.queries++;
        return store.tasksOf(entity);
      },
      update: async (key, update) => {
        const written = await store.update(key, update);
        if (written.applied) this.#counts.writes++;
        else this.#counts.refusedWrites++;
        return written;
      },
      due: (...range) => {
        this.#counts.dueQueries++;
        return store.due(...range);
      },
    };
  }

  control(control: ControlStore): ControlStore {
    return {
      read: (name) => {
        this.#counts.documentReads++;
        return control.read(name);
      },
      write: (...document) => {
        this.#counts.documentWrites++;
        return control.write(...document);
      },
    };
  }
}

export function difference(later: Counts, earlier: Counts): Counts {
  const names = Object.keys(none) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, later[name] - earlier[name]])) as unknown as Counts;
}
