import { TailwakeError } from "../contract/error.ts";
import type { Clock } from "../foundation/clock.ts";

/** The limit of PutEvents and of SendMessageBatch (AWS: their API references). */
const entriesPerCall = 10;
/** Many signals at once must not wait for one round trip after another. */
const callsAtOnce = 8;
const attemptsPerEntry = 4;
const firstWaitMs = 50;

/** An entry that a service did not accept, and why. */
export interface Unsent<E> {
  readonly entry: E;
  readonly code: string;
  readonly message: string;
  /** The service may accept the same entry a moment later. */
  readonly isTransient: boolean;
}

/** A service that accepts entries in batches, with a result for each entry. */
export interface BatchService<E> {
  /** Sends up to ten entries. Resolves to those that were not accepted. */
  send(entries: readonly E[]): Promise<readonly Unsent<E>[]>;
  /** Names entries in an error, before the content of the first. */
  readonly entries: string;
  contentOf(entry: E): string;
  /** Names the service in an error. */
  readonly name: string;
}

/**
 * Sends entries, ten per call and several calls at once. Each entry has its own result, also in a 200. Sends entries
 * that failed with a transient error again. Throws a `TailwakeError` ("wake-failed") for the others at the end, so that
 * a refused entry does not keep the rest from being sent.
 */
export async function sendBatches<E>(
  entries: readonly E[],
  service: BatchService<E>,
  clock: Clock,
  random: () => number,
): Promise<void> {
  const refused: Unsent<E>[] = [];
  let from = 0;
  const sendCalls = async () => {
    while (from < entries.length) {
      const call = entries.slice(from, from + entriesPerCall);
      from += entriesPerCall;
      refused.push(...(await sendCall(call, service, clock, random)));
    }
  };
  await Promise.all(Array.from({ length: callsAtOnce }, sendCalls));
  const [first] = refused;
  if (first === undefined) return;
  throw new TailwakeError({
    code: "wake-failed",
    subject: `${refused.length} ${service.entries} ${service.contentOf(first.entry)}`,
    expected: `${service.name} to accept them`,
    received: [...new Set(refused.map(({ code, message }) => `${code}: ${message}`))].join("; "),
  });
}

async function sendCall<E>(
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
    if (attempt === attemptsPerEntry) return [...refused, ...again];
    pending = again.map(({ entry }) => entry);
    await clock.sleep(firstWaitMs * 2 ** (attempt - 1) * (0.5 + random() / 2));
  }
}
