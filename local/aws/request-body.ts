import type { IncomingMessage } from "node:http";
import { isJsonObject, type JsonObject } from "./request-fields.ts";
import { ServiceError, serializationError } from "./service-error.ts";

/**
 * Reads a request's body as text. Refuses a body of more than `maxBytes` bytes with status 413, without reading the
 * rest.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Breaking out of the loop must not destroy the connection: the refusal is sent on it.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const part = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    bytes += part.length;
    if (bytes > maxBytes) {
      throw new ServiceError("RequestEntityTooLargeException", `The body has more than ${maxBytes} bytes.`, 413);
    }
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString();
}

/** A body as a JSON object; an empty body is an empty object. */
export function parseBody(text: string): JsonObject {
  if (text === "") return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw serializationError(`The body is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
  if (!isJsonObject(body)) throw serializationError("The body must be a JSON object.");
  return body;
}
