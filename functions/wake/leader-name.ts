import { malformed } from "./wake.ts";

/**
 * What is held by one instance of a function at a time: the signal streams, or one shard of the eager tasks. Its text
 * is part of the leader document's name and of lease tokens: `signals`, `eager-0-of-2`.
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

/** The shard behind a name; undefined for the signals. */
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
