import { parentPort, workerData } from "node:worker_threads";
import type { Update } from "../../../functions/tasks/update.ts";
import { simulate } from "../../../functions/testing/simulation/simulate.ts";
import type { Violation } from "../../../functions/testing/simulation/violation.ts";
import { scenario } from "../../simulate/scenario.ts";
import { type Condition, conditionsOf } from "../mutations.ts";
import { type Chosen, writesOf } from "./chosen.ts";

/** What a worker is given: what becomes of the writes, unless the program itself is mutated. */
export interface WorldData {
  readonly chosen?: Chosen;
}

/** What a simulation came to; without a violation the conditions of its writes. */
export interface WorldReport {
  readonly violation: Violation | undefined;
  readonly conditions: readonly Condition[];
}

/** The worker of the mutation tests: simulates seed after seed, by this program, which may be a mutated one. */
const { chosen } = workerData as WorldData;
const change = chosen && writesOf(chosen);

parentPort?.on("message", async (seed: number) => {
  const seen = new Map<string, Condition>();
  const recording = (update: Update) => {
    for (const one of conditionsOf(update)) seen.set(JSON.stringify(one), one);
    return update;
  };
  const { violation } = await simulate(scenario, { seed, mutation: change ?? recording });
  parentPort?.postMessage({ violation, conditions: [...seen.values()] } satisfies WorldReport);
});
