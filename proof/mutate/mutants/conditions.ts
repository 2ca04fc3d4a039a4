import type { Operation } from "../../../functions/tasks/update.ts";
import { operations } from "../../../functions/testing/simulation/specification.ts";
import { type Condition, nameOfCondition } from "../mutations.ts";
import { equivalentConditions } from "./equivalent.ts";
import type { Program } from "./program.ts";
import { rare } from "./rare.ts";

/** Most simulations until everything was seen. */
const maxSeeds = 200;
/** Too rare to wait for: its conditions are mutants of the write, which tests catch. */
const leftToTests: readonly Operation[] = ["park on strikes"];

/**
 * The conditions of every write of some dozens of simulations of the program as it is, and of more until each operation
 * was seen, and each condition that has a name in a list. Throws if one of them breaks a promise, and if something is
 * missing.
 */
export async function conditionsSeen(
  program: Program,
  leastSeeds: number,
  inParallel: (jobs: Iterable<() => Promise<void>>) => Promise<void>,
): Promise<Condition[]> {
  const seen = new Map<string, Condition>();
  const missing = () => [...operationsMissing([...seen.values()]), ...namesMissing([...seen.values()])];
  const record = async (seed: number) => {
    const world = program.start({});
    try {
      const { violation, conditions } = await world.simulate(seed);
      if (violation) throw new Error(`seed ${seed} without a mutant: ${violation.rule}: ${violation.what}`);
      for (const one of conditions) seen.set(JSON.stringify(one), one);
    } finally {
      await world.end();
    }
  };
  function* untilSeen() {
    for (let seed = 1; seed <= maxSeeds && (seed <= leastSeeds || missing().length > 0); seed++) {
      yield () => record(seed);
    }
  }
  await inParallel(untilSeen());
  if (missing().length > 0) throw new Error(`no write was seen of: ${missing().join("; ")}`);
  for (const [name, { operation }] of seen) if (leftToTests.includes(operation)) seen.delete(name);
  return [...seen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, condition]) => condition);
}

/** The operations of which no write was seen, so that nothing is known of their conditions. */
export function operationsMissing(seen: readonly Condition[]): string[] {
  return operations.filter(
    (operation) => !leftToTests.includes(operation) && !seen.some((condition) => condition.operation === operation),
  );
}

/** The conditions of the lists that no write has: they have another name now, or are gone. */
export function namesMissing(seen: readonly Condition[]): string[] {
  const names = new Set<string>(seen.map(nameOfCondition));
  return [...rare, ...equivalentConditions].filter((name) => !names.has(name));
}
