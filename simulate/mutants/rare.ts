/** The test of the table: a write that misses one of its conditions is refused there. */
export const tableTest = "test/tasks/memory.test.ts";

/** Conditions, by name, that matter too seldom for a few hundred simulations: {@link tableTest} must fail without them. */
export const rare: readonly string[] = [
  "acquire from an earlier holder: not asked for: is token",
  "acquire from an earlier holder: not asked for: missing paused",
  "acquire over a dead lease: not asked for: atMost leaseUntil",
  "acquire over a dead lease: not asked for: is token",
  "acquire over a dead lease: not asked for: missing paused",
  "acquire: not asked for: is fence",
  "adopt: not asked for: is due",
  "adopt: not asked for: missing paused",
  "add waiter: not asked for: status is one of ready, running, sleeping, retrying, parked",
  "attempt limit reached: not asked for: is token",
  "canceled, tail advanced: not asked for: is token",
  "caughtUp, wakes moved: not asked for: is token",
  "caughtUp, watching: not asked for: is token",
  "caughtUp, watching: not asked for: is wakes",
  "checkpoint: not asked for: is token",
  "child to a running task: not asked for: is token",
  "completed, no waiters: not asked for: is token",
  "completed, waiters: not asked for: is token",
  "isolate: not asked for: is token",
  "isolate: not asked for: missing paused",
  "look at a running task: not asked for: is due",
  "look at a running task: not asked for: is token",
  "look at a sleeping lazy task: not asked for: is due",
  "look at a sleeping lazy task: not asked for: is status sleeping",
  "mark a waiter: not asked for: missing paused",
];
