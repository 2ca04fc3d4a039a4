import { describeError, TailwakeError, type TailwakeErrorInit } from "../contract/error.ts";
import type { Clock } from "../foundation/clock.ts";

/** The limit of PutEvents and of SendMessageBatch (AWS: their API references). */
const entriesPerCall = 10;
/** Many signals at once must not wait for one round trip after another. */
const callsAtOnce = 8;
const attemptsPerEntry = 4;
const firstWaitMs = 50;
const maxReasons = 3;

/** An entry that a service did not accept, and why. */
export interface Unsent<E> {
  readonly entry: E;
  readonly code: string;
  readonly message: string;
  /** The service may accept the same entry a moment later. */
  readonly isTransient: boolean;
  /** What was thrown, if the call failed as a whole. */
  readonly cause?: unknown;
}

/** A service that accepts entries in batches, with a result for each entry. */
export interface BatchService<E> {
  /** Sends up to ten entries. Resolves to those that were not accepted; a throw means all of them. */
  send(entries: readonly E[]): Promise<readonly Unsent<E>[]>;
  /** The codes with which a service throttles an entry, or a call as a whole. */
  readonly throttlingCodes: ReadonlySet<string>;
  /** Names entries in an error, before the content of the first. */
  readonly entries: string;
  contentOf(entry: E): string;
  /** Names the service in an error. */
  readonly name: string;
}

/** A "wake-failed" error that knows what was not sent. */
export class UnsentError extends TailwakeError {
  readonly unsent: ReadonlySet<unknown>;

  constructor(init: Omit<TailwakeErrorInit, "code">, unsent: Iterable<unknown>) {
    super({ code: "wake-failed", ...init });
    this.unsent = new Set(unsent);
  }
}

/** Those of the messages given to a failed `send` that were not sent: all of them, if the error does not know it. */
export function unsentOf<M>(error: unknown, messages: readonly M[]): readonly M[] {
  return error instanceof UnsentError ? messages.filter((message) => error.unsent.has(message)) : messages;
}

/**
 * Sends entries, ten per call and several calls at once. Each entry has its own result, also in a 200. A call that
 * fails as a whole is a failure of each of its entries. Sends entries that failed with a transient error again. Settles
 * when no call is under way any more, and then throws an `UnsentError` for the entries that were not sent, so that a
 * refused entry or call does not keep the rest from being sent.
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
  // None of them rejects: a failure is a value.
  await Promise.all(Array.from({ length: callsAtOnce }, sendCalls));
  const [first] = refused;
  if (first === undefined) return;
  throw new UnsentError(
    {
      subject: `${refused.length} of ${entries.length} ${service.entries} ${service.contentOf(first.entry)}`,
      expected: `${service.name} to accept them`,
      received: reasonsOf(refused),
      cause: refused.find(({ cause }) => cause !== undefined)?.cause,
    },
    refused.map(({ entry }) => entry),
  );
}

/** The first few: a service may put the id of the request into each of them. */
function reasonsOf(refused: readonly Unsent<unknown>[]): string {
  const reasons = [...new Set(refused.map(({ code, message }) => `${code}: ${message}`))];
  return [...reasons.slice(0, maxReasons), ...(reasons.length > maxReasons ? ["…"] : [])].join("; ");
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
    const failures = await failuresOf(pending, service);
    refused.push(...failures.filter(({ isTransient }) => !isTransient));
    const again = failures.filter(({ isTransient }) => isTransient);
    if (again.length === 0) return refused;
    if (attempt === attemptsPerEntry) return [...refused, ...again];
    pending = again.map(({ entry }) => entry);
    await clock.sleep(firstWaitMs * 2 ** (attempt - 1) * (0.5 + random() / 2));
  }
}

/** One call. Never throws. */
async function failuresOf<E>(entries: readonly E[], service: BatchService<E>): Promise<readonly Unsent<E>[]> {
  try {
    return await service.send(entries);
  } catch (cause) {
    // The SDK has tried again by itself, but within a fraction of a second. That is too short for a throttled account.
    const code = cause instanceof Error ? cause.name : "Error";
    const isTransient = service.throttlingCodes.has(code) || statusOf(cause) === 429;
    return entries.map((entry) => ({ entry, code, message: describeError(cause), isTransient, cause }));
  }
}

/** The HTTP status of an error of the SDK. */
function statusOf(error: unknown): unknown {
  const metadata = (error as { readonly $metadata?: { readonly httpStatusCode?: unknown } } | undefined)?.$metadata;
  return metadata?.httpStatusCode;
}
