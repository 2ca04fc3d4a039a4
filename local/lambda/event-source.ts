import { type Clock, systemClock } from "../../functions/foundation/clock.ts";
import { parseArn } from "../aws/arn.ts";
import type { ReceivedMessage } from "../aws/sqs-message.ts";
import type { SqsQueue } from "../aws/sqs-queue.ts";
import { type BatchVerdict, judgeBatch } from "./batch-response.ts";
import type { InvokeResult } from "./invocation.ts";
import { sqsEventOf } from "./sqs-event.ts";

export interface EventSourceOptions {
  readonly queue: SqsQueue;
  readonly functionName: string;
  /** A local Lambda, or anything else that invokes functions. */
  readonly lambda: { invoke(name: string, event: unknown): Promise<InvokeResult> };
  /** The queue's clock; that of the system when absent. */
  readonly clock?: Clock;
  /** 1-10000 messages, above 10 only with a window of at least 1,000 ms; 10 when absent. */
  readonly batchSize?: number;
  /** How long to collect a batch after its first message, 0-300,000 ms; 0 when absent. */
  readonly maximumBatchingWindowMs?: number;
  /** Maximum number of concurrent batches; 2 when absent. */
  readonly maximumConcurrency?: number;
  /** Whether the function's response names the messages that failed. */
  readonly reportBatchItemFailures?: boolean;
  /** Called with the result of each batch. */
  readonly onBatch?: (verdict: BatchVerdict) => void;
}

export interface EventSource {
  /** Stops polling and waits for running invocations; messages collected for a batch become visible again. */
  stop(): Promise<void>;
}

const longPollMs = 20_000;
const maxPerReceive = 10;

/**
 * Starts an event source mapping (Lambda Developer Guide, "Using Lambda with Amazon SQS"): polls a queue, invokes a
 * function with batches of its messages and deletes those that succeeded. The others become visible again after the
 * queue's visibility timeout.
 */
export function startEventSource(options: EventSourceOptions): EventSource {
  const { queue, clock = systemClock, batchSize = 10, maximumBatchingWindowMs = 0, maximumConcurrency = 2 } = options;
  requireRange("batchSize", batchSize, 1, maximumBatchingWindowMs >= 1000 ? 10_000 : maxPerReceive);
  requireRange("maximumBatchingWindowMs", maximumBatchingWindowMs, 0, 300_000);
  requireRange("maximumConcurrency", maximumConcurrency, 1, 1000);
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = new Set<Promise<void>>();

  const receive = (wanted: number, waitMs: number) =>
    queue.receive({ max: Math.min(maxPerReceive, wanted), waitMs, signal });

  async function gather(): Promise<readonly ReceivedMessage[]> {
    const batch = [...(await receive(batchSize, longPollMs))];
    const end = clock.now() + maximumBatchingWindowMs;
    while (batch.length > 0 && batch.length < batchSize && clock.now() < end && !signal.aborted && !queue.closed) {
      batch.push(...(await receive(batchSize - batch.length, Math.min(longPollMs, end - clock.now()))));
    }
    return batch;
  }

  async function poll(): Promise<void> {
    while (!signal.aborted && !queue.closed) {
      if (running.size >= maximumConcurrency) {
        await Promise.race(running);
        continue;
      }
      const batch = await gather();
      if (signal.aborted) return giveBack(queue, batch);
      if (batch.length === 0) continue;
      const run = runBatch(options, batch).finally(() => running.delete(run));
      running.add(run);
    }
  }

  const polling = poll();
  return {
    async stop() {
      stopping.abort();
      await polling;
      await Promise.all(running);
    },
  };
}

async function runBatch(options: EventSourceOptions, batch: readonly ReceivedMessage[]): Promise<void> {
  const { queue, functionName, lambda, reportBatchItemFailures = false, onBatch } = options;
  const ids = batch.map(({ messageId }) => messageId);
  let verdict: BatchVerdict;
  try {
    const result = await lambda.invoke(functionName, sqsEventOf(batch, queue.arn, parseArn(queue.arn)?.region ?? ""));
    verdict = judgeBatch(ids, result, reportBatchItemFailures);
  } catch (error) {
    verdict = { succeeded: [], failed: ids, reason: error instanceof Error ? error.message : String(error) };
  }
  const succeeded = new Set(verdict.succeeded);
  for (const { messageId, receiptHandle } of batch) if (succeeded.has(messageId)) queue.delete(receiptHandle);
  onBatch?.(verdict);
}

function giveBack(queue: SqsQueue, batch: readonly ReceivedMessage[]): void {
  for (const { receiptHandle } of batch) {
    try {
      queue.changeVisibility(receiptHandle, 0);
    } catch {
      // The message is already visible.
    }
  }
}

function requireRange(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new Error(`An event source's ${name} must be an integer between ${min} and ${max}, but is ${value}.`);
}
