import { isTailwakeError, TailwakeError, type TailwakeErrorCode } from "tailwake";
import { describeError } from "tailwake/operate";
import type { Problem } from "./messages.ts";

/** A refused request. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** The HTTP status. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const statuses: Partial<Readonly<Record<TailwakeErrorCode, number>>> = {
  "invalid-argument": 400,
  "malformed-event": 400,
  "unknown-task": 404,
  "unknown-upstream": 404,
  "unknown-kind": 404,
  "unknown-activity": 404,
  "store-refused": 409,
};

/** The HTTP status and the message for any thrown error. */
export function problemOf(error: unknown): { readonly status: number; readonly problem: Problem } {
  if (error instanceof Refusal) return { status: error.status, problem: { code: "refused", message: error.message } };
  if (!isTailwakeError(error)) return { status: 502, problem: { code: "failed", message: describeError(error) } };
  const { code, subject, expected, received, message } = error;
  return { status: statuses[code] ?? 500, problem: { code, message, subject, expected, received } };
}

export function invalid(subject: string, expected: string, received: string): TailwakeError {
  return new TailwakeError({ code: "invalid-argument", subject, expected, received });
}
