import { parentPort, workerData } from "node:worker_threads";
import { simulate } from "../../../functions/testing/simulation/simulate.ts";
import type { Violation } from "../../../functions/testing/simulation/violation.ts";
import { scenario } from "../../simulate/scenario.ts";
import { type Condition, conditionsOf, without } from "../mutations.ts";

/** What a worker is given: the condition to take away, if it is one. */
export interface WorldData {
  readonly condition?: Condition;
}

/** What a simulation came to; without a violation the conditions of its writes. */
export interface WorldReport {
  readonly violation: Violation | undefined;
  readonly conditions: readonly Condition[];
}

/** The worker of the mutation tests: simulates seed after seed, by this program, which may be a mutated one. */
const { condition } = workerData as WorldData;

parentPort?.on("message", async (seed: number) => {
  const seen = new Map<string, Condition>();
  const mutation = condition
    ? without(condition)
    : (update: Parameters<typeof conditionsOf>[0]) => {
        for (const one of conditionsOf(update)) seen.set(JSON.stringify(one), one);
        return update;
      };
  const { violation } = await simulate(scenario, { seed, mutation });
  parentPort?.postMessage({ violation, conditions: [...seen.values()] } satisfies WorldReport);
});
