/** The test of the table: a write that misses one of its conditions is refused there. */
export const tableTest = "test/tasks/memory.test.ts";

/** Conditions, by name, that matter too seldom for a few hundred simulations: {@link tableTest} must fail without them. */
export const rare: readonly string[] = [];
