const queryPrefix = "AWS.SimpleQueueService.";

/** Exceptions whose code in the older query protocol is their name with a prefix (SQS API model). */
const prefixed = new Set([
  "BatchEntryIdsNotDistinct",
  "BatchRequestTooLong",
  "EmptyBatchRequest",
  "InvalidBatchEntryId",
  "MessageNotInflight",
  "PurgeQueueInProgress",
  "TooManyEntriesInBatchRequest",
  "UnsupportedOperation",
]);

/**
 * The value of the `x-amzn-query-error` header for an exception: clients that ask for it with `x-amzn-query-mode` know
 * an exception by this code.
 */
export function sqsQueryError(code: string): string {
  return `${queryCodeOf(code)};Sender`;
}

function queryCodeOf(code: string): string {
  if (code === "QueueDoesNotExist") return `${queryPrefix}NonExistentQueue`;
  if (code === "QueueNameExists") return "QueueAlreadyExists";
  return prefixed.has(code) ? `${queryPrefix}${code}` : code;
}
