import type { RequestFields } from "./request-fields.ts";
import { InvalidField, ServiceError } from "./service-error.ts";

export interface BatchAnswer {
  readonly Successful: readonly object[];
  readonly Failed?: readonly object[];
}

const maxEntries = 10;
const maxBytes = 1_048_576;
const idRule = /^[A-Za-z0-9_-]{1,80}$/;

/**
 * Runs a batch request: 1-10 entries with distinct ids, together within 1 MiB; each entry succeeds or fails on its own
 * (SQS API reference, SendMessageBatch).
 */
export function batch(
  input: RequestFields,
  handle: (entry: RequestFields) => object,
  bytesOf: (entry: RequestFields) => number = () => 0,
): BatchAnswer {
  const entries = input.fieldsList("Entries", { min: 0, max: Number.POSITIVE_INFINITY });
  if (entries.length === 0) throw new ServiceError("EmptyBatchRequest", "The batch request has no entries.");
  if (entries.length > maxEntries) {
    throw new ServiceError(
      "TooManyEntriesInBatchRequest",
      `A batch request has at most ${maxEntries} entries, but this one has ${entries.length}.`,
    );
  }
  const ids = entries.map((entry) => entry.text("Id"));
  const invalid = ids.find((id) => !idRule.test(id));
  if (invalid !== undefined) {
    throw new ServiceError(
      "InvalidBatchEntryId",
      `A batch entry id must be 1-80 letters, digits, hyphens or underscores, but is '${invalid}'.`,
    );
  }
  if (new Set(ids).size < ids.length) {
    throw new ServiceError("BatchEntryIdsNotDistinct", `The batch entry ids ${ids.join(", ")} are not distinct.`);
  }
  const bytes = entries.reduce((sum, entry) => sum + bytesOf(entry), 0);
  if (bytes > maxBytes) {
    throw new ServiceError("BatchRequestTooLong", `The batch has ${bytes} bytes, more than ${maxBytes}.`);
  }
  const successful: object[] = [];
  const failed: object[] = [];
  for (const [index, entry] of entries.entries()) {
    const Id = ids[index];
    try {
      successful.push({ Id, ...handle(entry) });
    } catch (error) {
      if (!(error instanceof ServiceError || error instanceof InvalidField)) throw error;
      const Code = error instanceof ServiceError ? error.code : "InvalidParameterValue";
      const SenderFault = !(error instanceof ServiceError) || error.status < 500;
      failed.push({ Id, SenderFault, Code, Message: error.message });
    }
  }
  return failed.length > 0 ? { Successful: successful, Failed: failed } : { Successful: successful };
}
