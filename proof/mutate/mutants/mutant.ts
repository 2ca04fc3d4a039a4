/** A rule of the protocol broken on purpose, by a change of the source. */
export interface Mutant {
  /** The rule or promise that is code there, as "rule 1" or "T5". */
  readonly rule: string;
  /** What the product then does, in a few words; no other mutant has the same. */
  readonly what: string;
  /** From the root of the project. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** The test file that must fail, of what no simulation sees. Default: a simulation must break a promise. */
  readonly caughtBy?: string;
}

/** The source with the mutant's change. Throws unless the place to change is there exactly once. */
export function mutated(source: string, { what, file, find, replace }: Mutant): string {
  const parts = source.split(find);
  if (parts.length === 2) return parts.join(replace);
  throw new Error(`mutant "${what}": expected its place once in ${file}, found it ${parts.length - 1} times:\n${find}`);
}
