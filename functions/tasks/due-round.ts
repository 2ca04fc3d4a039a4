import { dueShards, type TaskKey } from "./record.ts";
import type { DueEntry } from "./store.ts";

/**
 * A place on a round of all shards of the due index, which a control document keeps. So one invocation goes on where
 * another one has stopped, and each entry is met once a round.
 */
export interface RoundPlace {
  /** The shard that is read, from 0. */
  readonly shard: number;
  /** The last entry that was passed in it; absent at its beginning. */
  readonly after?: DueEntry;
  /** How many shards are still to be read to their ends, this one included; from 1. */
  readonly left: number;
}

/** A whole round from a place, or from the first shard: it ends where it began, since entries before it count, too. */
export function wholeRound({ shard, after }: Pick<RoundPlace, "shard" | "after"> = { shard: 0 }): RoundPlace {
  return after ? { shard, after, left: dueShards + 1 } : { shard, left: dueShards };
}

/** The place after a page of at most `size` entries; undefined at the end of the round. */
export function placeAfter(
  { shard, left }: RoundPlace,
  page: readonly DueEntry[],
  size: number,
): RoundPlace | undefined {
  const after = page.at(-1);
  if (after && page.length >= size) return { shard, after, left };
  return left > 1 ? { shard: (shard + 1) % dueShards, left: left - 1 } : undefined;
}

/** Whether a stored value is a place. */
export function isRoundPlace(value: unknown): value is RoundPlace {
  const { shard, after, left } = Object(value);
  const isInShard = Number.isSafeInteger(shard) && shard >= 0 && shard < dueShards;
  const isLeft = Number.isSafeInteger(left) && left >= 1 && left <= dueShards + 1;
  return isInShard && isLeft && (after === undefined || isEntry(after));
}

function isEntry(value: unknown): value is DueEntry {
  const { key, due } = Object(value) as Partial<DueEntry>;
  const { entity, kind, activity } = Object(key) as Partial<TaskKey>;
  return Number.isFinite(due) && [entity, kind, activity].every((part) => typeof part === "string" && part !== "");
}
