import { decodeDetail, detailTypeOf, encodeDetail, malformed, type WakeMessage, wakeSource } from "./wake.ts";

/** The fields of a bus event that Tailwake reads. */
export interface BusEvent {
  readonly source: string;
  readonly detailType: string;
  readonly detail: unknown;
}

/** Reads the envelope of a bus event, given as JSON or parsed. Throws a `TailwakeError` ("malformed-message"). */
export function decodeBusEvent(value: unknown): BusEvent {
  const envelope = typeof value === "string" ? parse(value) : value;
  const fields = typeof envelope === "object" && envelope !== null ? (envelope as Record<string, unknown>) : {};
  const text = (name: string): string => {
    const field = fields[name];
    if (typeof field === "string" && field !== "") return field;
    throw malformed(`bus event, field ${name}`, "a non-empty string", field);
  };
  return { source: text("source"), detailType: text("detail-type"), detail: fields.detail };
}

/** The message in one of Tailwake's own bus events; undefined for any other event. */
export function ownMessage({ source, detailType, detail }: BusEvent): WakeMessage | undefined {
  return source === wakeSource ? decodeDetail(detailType, detail) : undefined;
}

/**
 * A message as JSON, in the envelope in which the bus delivers it. Escapes U+FFFE and U+FFFF, which JSON allows and SQS
 * replaces.
 */
export function encodeBusEvent(message: WakeMessage): string {
  const event = { source: wakeSource, "detail-type": detailTypeOf(message), detail: JSON.parse(encodeDetail(message)) };
  return JSON.stringify(event).replaceAll(/[\ufffe\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw malformed("bus event", "a JSON object", body);
  }
}
