import { appendFileSync } from "node:fs";
import fc, { type Arbitrary } from "fast-check";
import { it } from "vitest";
import { patienceMs } from "../support/patience.ts";
import { type CasesOf, casesOf } from "./shares.ts";

/** The most time of a processor that one case may take; a machine that has other things to do takes none of it. */
const maxCaseMs = 20_000;
/** By how much the cases of one property may make the process larger. */
const maxGrowthBytes = 600 * 2 ** 20;
/** A counterexample may be a megabyte. */
const maxReport = 8_000;

/** `scripts/fuzz.mjs` sets them. */
const { TAILWAKE_FUZZ_ONLY: only, TAILWAKE_FUZZ_PATH: path, TAILWAKE_FUZZ_REPORT: report } = process.env;
const seed = process.env.TAILWAKE_FUZZ_SEED;

/** What was thrown where nobody could catch it: in a deployed function the end of all runs of its process. */
const escaped: unknown[] = [];

/**
 * A test that `check` holds for each case: it throws nothing, it lets nothing escape, and it takes neither too long nor
 * too much memory. How many there are is the property's share of `npm run fuzz -- --cases N`; in `npm test` a few.
 */
export function forEachCase<T>(
  name: CasesOf,
  says: string,
  arbitrary: Arbitrary<T>,
  check: (given: T) => unknown,
): void {
  const isChosen = only === undefined || only === name || only === name.split("/")[0];
  it.skipIf(!isChosen)(`${says} (${name})`, async () => {
    const began = performance.now();
    const before = process.memoryUsage.rss();
    let slowestMs = 0;
    const property = fc.asyncProperty(arbitrary, async (given) => {
      const start = process.cpuUsage();
      await check(given);
      // A promise that nobody handles is known after a turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      const { user, system } = process.cpuUsage(start);
      slowestMs = Math.max(slowestMs, (user + system) / 1000);
      if (escaped.length > 0) throw escaped.splice(0)[0];
      if (slowestMs > maxCaseMs) throw new Error(`the case took ${Math.round(slowestMs)} ms`);
    });
    for (const event of events) process.on(event, noteEscaped);
    try {
      const details = await fc.check(property, {
        numRuns: casesOf(name),
        timeout: patienceMs,
        ...(seed !== undefined && { seed: Number(seed) }),
        ...(path !== undefined && { path }),
      });
      if (details.failed) {
        const replay = `npm run fuzz -- --only ${name} --seed ${details.seed} --path ${details.counterexamplePath}`;
        const text = fc.defaultReportMessage(details) ?? "";
        throw new Error(`${replay}\n${text.slice(0, maxReport)}`, { cause: details.errorInstance });
      }
      const growth = process.memoryUsage.rss() - before;
      if (growth > maxGrowthBytes) throw new Error(`the process has grown by ${growth} bytes`);
      const cases = details.numRuns;
      const ms = Math.round(performance.now() - began);
      if (report) appendFileSync(report, `${JSON.stringify({ name, cases, ms, slowestMs: Math.ceil(slowestMs) })}\n`);
    } finally {
      for (const event of events) process.off(event, noteEscaped);
    }
  });
}

const events = ["unhandledRejection", "uncaughtException"] as const;
const noteEscaped = (error: unknown) => void escaped.push(error);
