/**
 * Stops a program that is about to break one of its own promises. `rule` is its number, as in docs/design.md ("T1",
 * "rule 2"). What users, servers and the table send is no matter of invariants: it has errors that name it.
 */
export function invariant(holds: boolean, rule: string, what: string): asserts holds {
  if (!holds) throw new Error(`${rule} would be broken: ${what}`);
}
