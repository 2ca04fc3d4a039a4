import { TailwakeError } from "../contract/error.ts";
import type { Clock } from "../foundation/clock.ts";

/** PutEvents and SendMessageBatch take at most ten entries (AWS: their API references). */
const entriesPerCall = 10;
/** A storm of signals must not wait for one round trip after the other. */
const callsAtOnce = 8;
const triesPerEntry = 4;
const firstWaitMs = 50;

/** An entry that a service did not take, and why. */
export interface Unsent<E> {
  readonly entry: E;
  readonly code: string;
  readonly message: string;
  /** The same entry may be taken a moment later. */
  readonly isTransient: boolean;
}

/** A service that takes entries in batches and answers for each of them. */
export interface BatchService<E> {
  /** Sends up to ten entries; resolves to those that were not taken. */
  send(entries: readonly E[]): Promise<readonly Unsent<E>[]>;
  /** How an error names entries: what they are, and the content of one. */
  readonly entries: string;
  contentOf(entry: E): string;
  /** How an error names the service. */
  readonly name: string;
}

/**
 * Sends entries, ten in a call and several calls at once. A 200 is no receipt: each entry has its own result, and only
 * those that failed are sent again, if that can help. What the service refuses must not keep the rest from being sent:
 * it is thrown at the end, as a `TailwakeError` ("wake-failed").
 */
export async function sendBatches<E>(
  entries: readonly E[],
  service: BatchService<E>,
  clock: Clock,
  random: () => number,
): Promise<void> {
  const refused: Unsent<E>[] = [];
  let from = 0;
  const caller = async () => {
    while (from < entries.length) {
      const call = entries.slice(from, from + entriesPerCall);
      from += entriesPerCall;
      refused.push(...(await sendTen(call, service, clock, random)));
    }
  };
  await Promise.all(Array.from({ length: callsAtOnce }, caller));
  const [first] = refused;
  if (first === undefined) return;
  throw new TailwakeError({
    code: "wake-failed",
    subject: `${refused.length} ${service.entries} ${service.contentOf(first.entry)}`,
    expected: `${service.name} to accept them`,
    received: [...new Set(refused.map(({ code, message }) => `${code}: ${message}`))].join("; "),
  });
}

async function sendTen<E>(
  entries: readonly E[],
  service: BatchService<E>,
  clock: Clock,
  random: () => number,
): Promise<readonly Unsent<E>[]> {
  const refused: Unsent<E>[] = [];
  let pending = entries;
  for (let attempt = 1; ; attempt++) {
    const failures = await service.send(pending);
    refused.push(...failures.filter(({ isTransient }) => !isTransient));
    const again = failures.filter(({ isTransient }) => isTransient);
    if (again.length === 0) return refused;
    if (attempt === triesPerEntry) return [...refused, ...again];
    pending = again.map(({ entry }) => entry);
    await clock.sleep(firstWaitMs * 2 ** (attempt - 1) * (0.5 + random() / 2));
  }
}
