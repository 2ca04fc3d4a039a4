import { ServiceError } from "./service-error.ts";

/** The contents of a receipt handle: one receive of one message. */
export interface Receipt {
  readonly queueName: string;
  readonly messageId: string;
  /** Which receive of the message, counted from 1. */
  readonly receive: number;
}

export function formatReceiptHandle({ queueName, messageId, receive }: Receipt): string {
  return Buffer.from(`${queueName} ${messageId} ${receive}`).toString("base64");
}

/** Parses a handle. Refuses one that this queue did not issue with ReceiptHandleIsInvalid. */
export function parseReceiptHandle(handle: string, queueName: string): Receipt {
  const text = Buffer.from(handle, "base64").toString();
  const [, name, messageId, receive] = /^([\w-]{1,80}) ([0-9a-f-]{36}) (\d{1,9})$/.exec(text) ?? [];
  if (name !== queueName || messageId === undefined) {
    throw new ServiceError(
      "ReceiptHandleIsInvalid",
      `The receipt handle '${handle.slice(0, 100)}' is not one of the queue ${queueName}.`,
    );
  }
  return { queueName, messageId, receive: Number(receive) };
}
