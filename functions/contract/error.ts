/** All error codes. Each has a section in docs/errors.md. */
export const tailwakeErrorCodes = [
  "invalid-argument",
  "invalid-definition",
  "malformed-message",
  "unknown-activity",
  "unknown-kind",
  "unknown-task",
  "unknown-upstream",
  "malformed-event",
  "malformed-record",
  "view-not-storable",
  "lease-lost",
  "endless-wait",
  "too-late",
  "wake-failed",
  "store-refused",
  "crash-point-differs",
] as const;

/** The kind of an error. The set is closed, so that a caller can switch over it. */
export type TailwakeErrorCode = (typeof tailwakeErrorCodes)[number];

export interface TailwakeErrorInit {
  readonly code: TailwakeErrorCode;
  /** The subject as an operator would search for it: a task, a kind, a field. */
  readonly subject: string;
  readonly expected: string;
  readonly received: string;
  readonly cause?: unknown;
}

/** The error that Tailwake itself throws. It names the subject, what was expected and what was received. */
export class TailwakeError extends Error {
  override readonly name = "TailwakeError";
  readonly code: TailwakeErrorCode;
  readonly subject: string;
  readonly expected: string;
  readonly received: string;

  constructor(init: TailwakeErrorInit) {
    super(
      `${init.subject}: expected ${init.expected}, received ${init.received} [${init.code}]`,
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    this.code = init.code;
    this.subject = init.subject;
    this.expected = init.expected;
    this.received = init.received;
  }
}

/** True for a {@link TailwakeError} of this or another copy of the package. Tests the shape, not the class. */
export function isTailwakeError(error: unknown, code?: TailwakeErrorCode): error is TailwakeError {
  return (
    typeof error === "object" &&
    error !== null &&
    "name" in error &&
    error.name === "TailwakeError" &&
    "code" in error &&
    (code === undefined || error.code === code)
  );
}

/**
 * Describes a thrown value for a log line or a record: an error's message and its causes', at most 4,000 characters.
 */
export function describeError(error: unknown): string {
  if (error === undefined) return describeValue(error);
  const parts: string[] = [];
  const seen = new Set<unknown>();
  for (let at: unknown = error; at !== undefined && !seen.has(at); ) {
    seen.add(at);
    if (at instanceof Error) {
      const text = at.message || at.name;
      if (parts.at(-1)?.includes(text) !== true) parts.push(text);
      at = at.cause;
    } else {
      parts.push(describeValue(at));
      break;
    }
  }
  // A server may send a message of a megabyte.
  const text = parts.join(": ");
  return text.length > maxErrorLength ? `${text.slice(0, maxErrorLength)}…` : text;
}

const maxErrorLength = 4_000;

/** Describes a received value for an error message: short, on one line, safe for any input. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(shortened(value));
  if (value === null || value === undefined || typeof value !== "object") return shortened(String(value));
  if (Array.isArray(value)) return `an array of ${value.length}`;
  // Keys are untrusted, as values are.
  const keys = Object.keys(value).slice(0, 8).join(", ").replaceAll(/\s+/g, " ");
  return `an object with ${shortened(keys) || "no keys"}`;
}

const shortened = (text: string): string => (text.length > 120 ? `${text.slice(0, 120)}…` : text);
