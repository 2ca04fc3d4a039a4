import { malformed } from "./wake.ts";

/**
 * Names what one instance of a function leads at a time: the signals, or one shard of the eager tasks. The text is part
 * of the name of the leader's document and of lease tokens: `signals`, `eager-0-of-2`.
 */
export type LeaderName = "signals" | `eager-${number}-of-${number}`;

export function eagerLeader(shard: number, shards: number): LeaderName {
  return `eager-${shard}-of-${shards}`;
}

export interface EagerShard {
  /** From 0. */
  readonly shard: number;
  readonly shards: number;
}

/** The shard that a name means; undefined for the signals. */
export function eagerShardOf(leader: LeaderName): EagerShard | undefined {
  const [, shard, shards] = pattern.exec(leader) ?? [];
  return shard === undefined ? undefined : { shard: Number(shard), shards: Number(shards) };
}

/** Checks the name in a message. Throws a `TailwakeError` ("malformed-message"). */
export function parseLeaderName(text: unknown): LeaderName {
  if (text === "signals") return text;
  const [, shard, shards] = (typeof text === "string" && pattern.exec(text)) || [];
  if (shard !== undefined && Number(shard) < Number(shards)) return text as LeaderName;
  throw malformed("detail.holder", '"signals" or "eager-N-of-M"', text);
}

const pattern = /^eager-(\d{1,2})-of-(\d{1,2})$/;
