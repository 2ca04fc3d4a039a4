import { isJsonObject, type JsonObject, type RequestFields } from "./request-fields.ts";

/** One entry of PutEvents as received; only its JSON types have been checked. */
export interface EventEntry {
  readonly source?: string;
  readonly detailType?: string;
  /** JSON text. */
  readonly detail?: string;
  readonly busName?: string;
  readonly resources: readonly string[];
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly timeMs?: number;
  readonly traceHeader?: string;
}

export interface EntryFailure {
  readonly errorCode: string;
  readonly errorMessage: string;
}

const maxDetailType = 128;

export function parseEventEntry(input: RequestFields): EventEntry {
  const source = input.optionalText("Source");
  const detailType = input.optionalText("DetailType");
  const detail = input.optionalText("Detail");
  const busName = input.optionalText("EventBusName", { min: 1, max: 1600 });
  const timeMs = input.optionalTimeMs("Time");
  const traceHeader = input.optionalText("TraceHeader", { min: 1, max: 500 });
  return {
    ...(source === undefined ? {} : { source }),
    ...(detailType === undefined ? {} : { detailType }),
    ...(detail === undefined ? {} : { detail }),
    ...(busName === undefined ? {} : { busName }),
    ...(timeMs === undefined ? {} : { timeMs }),
    ...(traceHeader === undefined ? {} : { traceHeader }),
    resources: input.optionalTexts("Resources"),
  };
}

/** Size of an entry in bytes (EventBridge User Guide, "Calculating PutEvents event entry size"). */
export function entryBytes(entry: EventEntry): number {
  let bytes = entry.timeMs === undefined ? 0 : 14;
  for (const text of [entry.source, entry.detailType, entry.detail, ...entry.resources]) {
    if (text !== undefined) bytes += Buffer.byteLength(text);
  }
  return bytes;
}

/** Whether the entry has the three fields without which a request fails as a whole. */
export function isComplete(entry: EventEntry): boolean {
  return Boolean(entry.source && entry.detailType && entry.detail);
}

/** Why the service rejects this entry; undefined when it accepts it. */
export function entryFailure(entry: EventEntry): EntryFailure | undefined {
  const required = [
    ["Source", entry.source],
    ["DetailType", entry.detailType],
    ["Detail", entry.detail],
  ] as const;
  const missing = required.find(([, value]) => !value)?.[0];
  if (missing) return invalidArgument(missing, `${missing} is a required argument`);
  if (entry.source?.startsWith("aws.")) {
    return { errorCode: "NotAuthorizedForSource", errorMessage: "Not authorized for the source." };
  }
  if ((entry.detailType?.length ?? 0) > maxDetailType) {
    return invalidArgument("DetailType", `it has more than ${maxDetailType} characters`);
  }
  if (!parseDetail(entry.detail)) return { errorCode: "MalformedDetail", errorMessage: "Detail is malformed." };
  return undefined;
}

/** The detail as an object; undefined when the text is not a JSON object. */
export function parseDetail(detail: string | undefined): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(detail ?? "");
    return isJsonObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function invalidArgument(name: string, reason: string): EntryFailure {
  return { errorCode: "InvalidArgument", errorMessage: `Parameter ${name} is not valid. Reason: ${reason}.` };
}
