const queryPrefix = "AWS.SimpleQueueService.";

/** Exceptions whose code in the older query protocol is their name plus a prefix (SQS API model). */
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
 * The value of the `x-amzn-query-error` header for an exception. Clients that send `x-amzn-query-mode` identify the
 * exception by this code.
 */
export function sqsQueryError(code: string): string {
  return `${queryCodeOf(code)};Sender`;
}

function queryCodeOf(code: string): string {
  if (code === "QueueDoesNotExist") return `${queryPrefix}NonExistentQueue`;
  if (code === "QueueNameExists") return "QueueAlreadyExists";
  return prefixed.has(code) ? `${queryPrefix}${code}` : code;
}
