import { inspect } from "node:util";
import { expect } from "vitest";
import { describeError } from "../../functions/contract/error.ts";
import { jsonLogger } from "../../functions/foundation/logger.ts";

/** Fails if anything that may be printed of an error has a part of the secret in it: log lines, its causes, its fields. */
export function expectHidden(error: unknown, ...secrets: readonly string[]): void {
  expect(error).toBeInstanceOf(Error);
  const printed: string[] = [describeError(error), inspect(error, { depth: 20, showHidden: true })];
  const log = jsonLogger((line) => printed.push(line));
  for (let at = error; at instanceof Error; at = at.cause) {
    printed.push(String(at), at.stack ?? "", JSON.stringify(Object.getOwnPropertyDescriptors(at)));
    log.error("failed", { err: at, more: describeError(at) });
  }
  for (const secret of secrets) expect(printed.filter((text) => text.includes(secret))).toEqual([]);
}
