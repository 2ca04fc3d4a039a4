import type { Expected } from "./histories.ts";

/** The events of one aggregate, numbered from 1. */
export interface Entity {
  readonly ids: readonly string[];
  /** 0 for the epoch, undefined if the id is not one of its events. */
  position(tail: string): number | undefined;
  /** For reports: `#3`, or `epoch`. */
  name(tail: string): string;
}

const made = new WeakMap<readonly string[], Entity>();

/** The aggregate of a task; undefined if it is not in the journal. */
export function entityOf({ histories }: Expected, task: string): Entity | undefined {
  const ids = histories.get(task.slice(task.indexOf("@") + 1));
  if (!ids) return undefined;
  const known = made.get(ids);
  if (known) return known;
  const positions = new Map([["epoch", 0], ...ids.map((id, i) => [id, i + 1] as const)]);
  const entity: Entity = {
    ids,
    position: (tail) => positions.get(tail),
    name(tail) {
      const at = positions.get(tail);
      return at === undefined ? tail : at === 0 ? "epoch" : `#${at}`;
    },
  };
  made.set(ids, entity);
  return entity;
}
