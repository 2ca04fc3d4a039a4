import type { InvokeResult } from "./invocation.ts";

/** The messages of a batch to delete, and the reasons why the others failed. */
export interface BatchVerdict {
  readonly succeeded: readonly string[];
  readonly failed: readonly string[];
  readonly reason?: string;
}

/**
 * Applies a function's result to its batch (Lambda Developer Guide, "Handling errors for an SQS event source": success
 * and failure conditions). A function error fails the whole batch. With `reportBatchItemFailures` the response names
 * the messages that failed; a response of another form, or one that names a message outside the batch, fails the whole
 * batch.
 */
export function judgeBatch(
  messageIds: readonly string[],
  result: InvokeResult,
  reportBatchItemFailures: boolean,
): BatchVerdict {
  const wholeFailed = (reason: string): BatchVerdict => ({ succeeded: [], failed: messageIds, reason });
  if (!result.ok) return wholeFailed(`${result.payload.errorType}: ${result.payload.errorMessage}`);
  const { payload } = result;
  if (!reportBatchItemFailures || payload === null) return { succeeded: messageIds, failed: [] };
  if (typeof payload !== "object" || Array.isArray(payload)) {
    return wholeFailed("The response is not an object with batchItemFailures.");
  }
  const failures: unknown = "batchItemFailures" in payload ? payload.batchItemFailures : undefined;
  if (failures === undefined || failures === null) return { succeeded: messageIds, failed: [] };
  if (!Array.isArray(failures)) return wholeFailed("batchItemFailures is not a list.");
  const failed = new Set<string>();
  for (const failure of failures) {
    const id: unknown = typeof failure === "object" && failure !== null ? failure.itemIdentifier : undefined;
    if (typeof id !== "string" || id === "") return wholeFailed("An item of batchItemFailures has no itemIdentifier.");
    if (!messageIds.includes(id)) return wholeFailed(`The itemIdentifier ${id} is not in the batch.`);
    failed.add(id);
  }
  if (failed.size === 0) return { succeeded: messageIds, failed: [] };
  return {
    succeeded: messageIds.filter((id) => !failed.has(id)),
    failed: [...failed],
    reason: "The function reported these items as failed.",
  };
}
