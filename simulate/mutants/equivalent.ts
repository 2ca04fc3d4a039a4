/**
 * Mutants that no promise forbids, by name, with the reason. They are simulated too: one that breaks a promise does not
 * belong here.
 */
export const equivalent: Readonly<Record<string, string>> = {};
