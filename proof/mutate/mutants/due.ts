import type { Mutant } from "./mutant.ts";

const file = "functions/tasks/transitions.ts";

/** Due times, and what the ticks make of them: rules 6 and 11, and the order of record and wake. */
export const due: readonly Mutant[] = [
  {
    rule: "rule 6",
    what: "a start is not due",
    file,
    find: "      startedAt: now,\n      due: now + graceMs,\n",
    replace: "      startedAt: now,\n",
  },
  {
    rule: "rule 6",
    what: "a hand-over is not due",
    file,
    find: '    status: "ready",\n    strikes: 0,\n    awaiting: remove,\n    notBefore: remove,\n    due: now + graceMs,\n',
    replace: '    status: "ready",\n    strikes: 0,\n    awaiting: remove,\n    notBefore: remove,\n',
  },
  {
    rule: "rule 6",
    what: "a retry is not due",
    file,
    find: "notBefore: until, due: until + graceMs } as const",
    replace: "notBefore: until } as const",
  },
  {
    rule: "rule 6",
    what: "a completed task with waiters is not due",
    file,
    find: 'return completing("completed, waiters", token, tail, runs, now + graceMs);',
    replace: 'return completing("completed, waiters", token, tail, runs, remove);',
  },
  {
    rule: "rule 6",
    what: "a marked waiter is not due",
    file,
    find: 'changes: { status: "ready", childDone: true, awaiting: remove, notBefore: remove, due: now + graceMs },',
    replace: 'changes: { status: "ready", childDone: true, awaiting: remove, notBefore: remove },',
  },
  {
    rule: "rule 6",
    what: "a resumed task is not due",
    file,
    find: '      status: waits ? "retrying" : "ready",\n      due: at + graceMs,\n',
    replace: '      status: waits ? "retrying" : "ready",\n',
  },
  {
    rule: "rule 6",
    what: "a task resumed while it runs is not due",
    file,
    find: "changes: { paused: remove, due: now + graceMs, eagerBucket: eagerBucket ?? remove, ...noted(intervention) },",
    replace: "changes: { paused: remove, eagerBucket: eagerBucket ?? remove, ...noted(intervention) },",
  },
  {
    rule: "rule 6",
    what: "a rewound task is not due",
    file,
    find: '      awaiting: remove,\n      status: "ready",\n      due: now + graceMs,\n',
    replace: '      awaiting: remove,\n      status: "ready",\n',
  },
  {
    rule: "rule 6",
    what: "an quarantined task is not due",
    file,
    find: 'changes: { status: "ready", token: remove, leaseUntil: remove, due: now + graceMs },',
    replace: 'changes: { status: "ready", token: remove, leaseUntil: remove },',
  },
  {
    rule: "rule 6",
    what: "a marked task is not due",
    file,
    find: "      notBefore: remove,\n      due: now + graceMs,\n      ...(early ? { acted: remove } : {}),\n",
    replace: "      notBefore: remove,\n      ...(early ? { acted: remove } : {}),\n",
  },
  {
    rule: "rule 6",
    what: "a normal run moves its due time",
    file: "functions/engines/lazy.ts",
    find: "due: kept ? undefined : nextProbe",
    replace: "due: nextProbe",
  },
  {
    rule: "rule 6",
    what: "a task sleeps beyond its next probe",
    file: "functions/engines/lazy.ts",
    find: "due: kept ? undefined : nextProbe",
    replace: "due: undefined",
  },
  {
    rule: "rule 6",
    what: "a cron task is not due at its slot",
    file: "functions/engines/cron.ts",
    find: "return { notBefore: slot, due: slot };",
    replace: "return { notBefore: slot, due: undefined };",
  },
  {
    rule: "rule 6",
    what: "a running task is looked at before its lease is over",
    file,
    find: "changes: { due: leaseUntil + clockSkewMs + strikeDelayMs + 1 },",
    replace: "changes: { due: leaseUntil - 1 },",
  },
  {
    rule: "rule 6",
    what: "the wake of a hand-over is sent before its record is written",
    file: "functions/run/settlement.ts",
    find: "  const written = await state.write(handOver(token, await state.progress(tail), machinery.clock.now()));\n",
    replace:
      '  if (setsAlarms(state)) await sendOrLeaveToScan(machinery, [{ class: "handOver", key, fence: state.record.fence }]);\n' +
      "  const written = await state.write(handOver(token, await state.progress(tail), machinery.clock.now()));\n",
  },
  {
    rule: "rule 6",
    what: "the wake of a start is sent before its record is written",
    file: "functions/run/start.ts",
    find: "  const bucket = eagerBucketOf(engine, key);\n",
    replace:
      "  const bucket = eagerBucketOf(engine, key);\n" +
      '  if (rulesOf(engine).setsAlarms) await sendOrLeaveToScan(machinery, [{ class: "start", key, fence: 0 }]);\n',
  },
  {
    rule: "rule 6",
    what: "the timer of a retry is set before its record is written",
    file: "functions/run/settlement.ts",
    find: "  const written = await state.write(\n    parks",
    replace:
      '  await sendAtOrLeaveToScan(machinery, { class: "timer", key, fence: record.fence }, notBefore);\n' +
      "  const written = await state.write(\n    parks",
  },
  {
    rule: "rule 11",
    what: "a tick does not claim what it wakes",
    file: "functions/tick/tick.ts",
    find: '  return { update: rescue(record, due, now), next: "wake" } as const;\n}\n\n/** Leaders',
    replace: '  return { update: postpone(due, due), next: "wake" } as const;\n}\n\n/** Leaders',
  },
  {
    rule: "rule 11",
    what: "the next rescue is not later each time",
    file,
    find: "const again = now + Math.min(maxRescueMs, graceMs * 2 ** record.rescues);",
    replace: "const again = now + graceMs;",
  },
  {
    rule: "rule 11",
    what: "a tick goes on though the queue is late",
    file: "functions/tick/tick.ts",
    find: "  if (queueAgeMs !== undefined) return { ...report, oldestDueMs: queueAgeMs, cutShort: true };\n",
    replace: "",
    caughtBy: "test/engines/tick.test.ts",
  },
  {
    rule: "rule 11",
    what: "a tick has no budget",
    file: "functions/tick/tick.ts",
    find: "left -= await checkAll(",
    replace: "await checkAll(",
    caughtBy: "test/engines/tick.test.ts",
  },
  {
    rule: "rule 11",
    what: "nobody says that the queue is late",
    file: "functions/lambda/wake-event.ts",
    find: "() => recordQueueAge(control, { ageMs, at: now })",
    replace: "async () => {}",
    caughtBy: "test/lambda/events.test.ts",
  },
];
