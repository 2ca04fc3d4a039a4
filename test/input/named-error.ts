import { expect } from "vitest";
import { isTailwakeError, type TailwakeError, type TailwakeErrorCode } from "../../functions/contract/error.ts";

/** Longer than any name in it may be, and short enough for a line of a log. */
const maxMessage = 4_000;

/** Checks that an error is the structured one, and that it names the field; its text has a bound. */
export function expectNamed(
  error: unknown,
  codes: readonly TailwakeErrorCode[],
  subject: RegExp,
): asserts error is TailwakeError {
  if (!isTailwakeError(error)) throw new Error("expected a TailwakeError", { cause: error });
  expect(codes).toContain(error.code);
  expect(error.subject).toMatch(subject);
  expect(error.expected).not.toBe("");
  expect(error.received).not.toBe("");
  expect(error.message.length).toBeLessThanOrEqual(maxMessage);
}

/** What was thrown, or what `work` resolved to. */
export async function outcomeOf<T>(
  work: () => T | Promise<T>,
): Promise<{ readonly error: unknown } | { readonly value: T }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

/** Nothing of a case may be left in what all objects have. */
export function expectNoPollution(): void {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as { readonly polluted?: unknown }).polluted).toBeUndefined();
}
