import { malformed } from "./wake.ts";

/**
 * What is held by one instance of a function at a time: the signal streams, or one shard of the eager tasks. Its text
 * is part of the holder document's name and of lease tokens: `signals`, `eager-0-of-2`.
 */
export type HolderName = "signals" | `eager-${number}-of-${number}`;

export function eagerHolder(shard: number, shards: number): HolderName {
  return `eager-${shard}-of-${shards}`;
}

export interface EagerShard {
  /** From 0. */
  readonly shard: number;
  readonly shards: number;
}

/** The shard behind a name; undefined for the signals. */
export function eagerShardOf(holder: HolderName): EagerShard | undefined {
  const [, shard, shards] = pattern.exec(holder) ?? [];
  return shard === undefined ? undefined : { shard: Number(shard), shards: Number(shards) };
}

/** Checks the name in a message. Throws a `TailwakeError` ("malformed-message"). */
export function parseHolderName(text: unknown): HolderName {
  if (text === "signals") return text;
  const [, shard, shards] = (typeof text === "string" && pattern.exec(text)) || [];
  if (shard !== undefined && Number(shard) < Number(shards)) return text as HolderName;
  throw malformed("detail.holder", '"signals" or "eager-N-of-M"', text);
}

const pattern = /^eager-(\d{1,2})-of-(\d{1,2})$/;
