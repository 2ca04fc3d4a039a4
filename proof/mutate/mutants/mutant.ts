import type { Operation, Update } from "../../../functions/tasks/update.ts";
import type { Mutation } from "../../../functions/testing/simulation/table.ts";
import type { Modules } from "./modules.ts";

/** A rule of the protocol broken on purpose, by one change. */
export type Mutant = WriteMutant | ExportMutant | TextMutant;

interface Named {
  /** The rule or promise that is broken. */
  readonly rule: `rule ${number}` | `T${number}`;
  /** What the product then does, in a few words; no other mutant has the same. */
  readonly what: string;
  /** The test file that must fail, of what no simulation sees. Default: a simulation must break a promise. */
  readonly caughtBy?: string;
}

/** Changes a write on its way to the table: what it writes, counts, asks for, or takes for its own. */
export interface WriteMutant extends Named {
  readonly operations: readonly Operation[];
  readonly change: Mutation;
}

/** Replaces an export for all modules that import it. The module's own uses of it stay as they are. */
export interface ExportMutant extends Named, ReplacedExport {}

export interface ReplacedExport {
  /** From the root of the project. */
  readonly module: keyof Modules;
  readonly export: string;
  /** Returns what is exported in the place of the real one. */
  readonly with: (real: never) => unknown;
}

/** Changes the text of a source file: only for what is neither a write nor an export. */
export interface TextMutant extends Named {
  /** From the root of the project. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** A replacement, held against the type of the export: of another name, or another signature, it does not compile. */
interface Replacing<M extends keyof Modules, E extends keyof Modules[M]> {
  readonly module: M;
  readonly export: E;
  readonly with: (real: Modules[M][E]) => Modules[M][E];
}

/**
 * A mutant of an export. Whoever defines one imports values only from modules that import nothing themselves which a
 * mutant replaces, as `contract/tail.ts` and `tasks/{lease-token,times,update}.ts`. The module in the place of the real one
 * imports the definitions, so another import could make a circle, in which they are read before they are there.
 */
export function replacing<M extends keyof Modules, E extends keyof Modules[M] & string>(
  mutant: Named & Replacing<M, E>,
): ExportMutant {
  return mutant;
}

/** The same of what is no mutant by itself. */
export function replacedExport<M extends keyof Modules, E extends keyof Modules[M] & string>(
  replacement: Replacing<M, E>,
): ReplacedExport {
  return replacement;
}

/** What a mutant does to every write. */
export function mutationOf({ operations, change }: Pick<WriteMutant, "operations" | "change">): Mutation {
  return (update: Update) => (operations.includes(update.operation) ? change(update) : update);
}

/** The source with the mutant's change. Throws unless the place to change is there exactly once. */
export function mutated(source: string, { what, file, find, replace }: TextMutant): string {
  const parts = source.split(find);
  if (parts.length === 2) return parts.join(replace);
  throw new Error(`mutant "${what}": expected its place once in ${file}, found it ${parts.length - 1} times:\n${find}`);
}
