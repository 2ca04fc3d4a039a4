import type { Mutation } from "../../../functions/testing/simulation/table.ts";
import { type Condition, without } from "../mutations.ts";
import { mutants } from "./all.ts";
import { type Mutant, mutationOf, type ReplacedExport, replacedExport } from "./mutant.ts";

/** What is wrong with a program: it does not ask for a condition, or it is a mutant. As data, for other processes. */
export type Chosen = { readonly condition: Condition } | { readonly mutant: string };

/** The mutant; undefined for a condition. Throws if there is none of these words. */
export function mutantOf(chosen: Chosen): Mutant | undefined {
  if ("condition" in chosen) return undefined;
  const found = mutants.find(({ what }) => what === chosen.mutant);
  if (!found) throw new Error(`expected the words of a mutant, received "${chosen.mutant}"`);
  return found;
}

/** What becomes of each write; undefined if the mutant is not one of a write. */
export function writesOf(chosen: Chosen): Mutation | undefined {
  if ("condition" in chosen) return without(chosen.condition);
  const mutant = mutantOf(chosen);
  return mutant && "change" in mutant ? mutationOf(mutant) : undefined;
}

/**
 * The export that is replaced; undefined for a mutant of a text. Tests have no simulated table: there the one in memory
 * changes the writes.
 */
export function replacementOf(chosen: Chosen): ReplacedExport | undefined {
  const change = writesOf(chosen);
  if (change) {
    return replacedExport({
      module: "functions/tasks/memory.ts",
      export: "MemoryTaskStore",
      with: (real) =>
        class extends real {
          override update(...[key, update, sentAgain]: Parameters<InstanceType<typeof real>["update"]>) {
            return super.update(key, change(update), sentAgain);
          }
        },
    });
  }
  const mutant = mutantOf(chosen);
  return mutant && "export" in mutant ? mutant : undefined;
}

/** Called by the module that stands in the place of a real one. */
export function replaced<T>(chosen: Chosen, real: T): T {
  const mutant = replacementOf(chosen);
  return mutant ? (mutant.with as (real: T) => T)(real) : real;
}
