/** Every code that an error may have: each has a section in docs/errors.md. */
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
  "too-late",
  "wake-failed",
  "store-refused",
  "cut-differs",
] as const;

/** What kind of thing went wrong; closed, so that a caller can switch over it. */
export type TailwakeErrorCode = (typeof tailwakeErrorCodes)[number];

export interface TailwakeErrorInit {
  readonly code: TailwakeErrorCode;
  /** The thing the error is about, as an operator would search for it: a task, a kind, a field. */
  readonly subject: string;
  readonly expected: string;
  readonly received: string;
  readonly cause?: unknown;
}

/** The one error that Tailwake itself raises: it names the thing, what was expected and what came. */
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

/** True for a {@link TailwakeError} of this or another copy of the package: tests the shape, not the class. */
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

/** One line for a log or a record: an error's text with its causes, or whatever was thrown. */
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
  // A server may say a megabyte of why it refuses.
  const text = parts.join(": ");
  return text.length > maxError ? `${text.slice(0, maxError)}…` : text;
}

const maxError = 4_000;

/** A received value in an error message: short, one line, safe for any input. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(shortened(value));
  if (value === null || value === undefined || typeof value !== "object") return shortened(String(value));
  if (Array.isArray(value)) return `an array of ${value.length}`;
  // Keys come from outside as values do.
  const keys = Object.keys(value).slice(0, 8).join(", ").replaceAll(/\s+/g, " ");
  return `an object with ${shortened(keys) || "no keys"}`;
}

const shortened = (text: string): string => (text.length > 120 ? `${text.slice(0, 120)}…` : text);
