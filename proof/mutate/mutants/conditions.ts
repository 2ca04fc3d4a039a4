import type { Condition } from "../mutations.ts";
import type { Program } from "./program.ts";

/** Every operation of functions/tasks/transitions.ts, by the strings in its source. */
export function operationsIn(transitions: string): string[] {
  const named = transitions.matchAll(
    /(?:operation: |\b(?:commit|completing|taking)\()(?:"([^"]+)"|`\$\{by\}([^`]+)`)/g,
  );
  const all = [...named].flatMap(([, whole, rest]) => (whole ? [whole] : ["signal", "child"].map((by) => by + rest)));
  return [...new Set(all)].sort();
}

/** Most simulations until each operation was seen. */
const maxSeeds = 200;
/** Too rare to wait for: its conditions are mutants of the source, which tests catch. */
const leftToTests: readonly string[] = ["park on strikes"];

/**
 * The conditions of every write of some dozens of simulations of the program as it is, and of more until each operation
 * was seen. Throws if one of them breaks a promise, and if an operation is missing.
 */
export async function conditionsSeen(
  program: Program,
  operations: readonly string[],
  leastSeeds: number,
  inParallel: (jobs: Iterable<() => Promise<void>>) => Promise<void>,
): Promise<Condition[]> {
  const seen = new Map<string, Condition>();
  const missing = () => operationsMissing(operations, [...seen.values()]);
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
  if (missing().length > 0) throw new Error(`no write was seen of: ${missing().join(", ")}`);
  for (const [name, { operation }] of seen) if (leftToTests.includes(operation)) seen.delete(name);
  return [...seen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, condition]) => condition);
}

/** The operations of which no write was seen, so that nothing is known of their conditions. */
export function operationsMissing(operations: readonly string[], seen: readonly Condition[]): string[] {
  return operations.filter(
    (operation) => !leftToTests.includes(operation) && !seen.some((condition) => condition.operation === operation),
  );
}
