import type { AcquireRule } from "../../../functions/tasks/transitions.ts";
import type { WakeClass } from "../../../functions/wake/wake.ts";
import type { Modules } from "./modules.ts";
import { type Mutant, replacing } from "./mutant.ts";
import { overriding, withMembers } from "./overriding.ts";
import { counting } from "./writes.ts";

const module = "functions/wake/wake.ts";
const caughtBy = "test/engines/wakes.test.ts";
const classTable = "test/wake/timing.test.ts";

/** What a wake may do, and news: rules 2, 3, 4, 5, 10, 14, 16, 17 and 18. */
export const wakes: readonly Mutant[] = [
  replacing({
    rule: "rule 2",
    what: "a checkpoint refreshes the wakes that its run has seen",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with: (real) => (start) => {
      const { store } = start.ports;
      const refreshing = overriding(store, {
        async update(key, update) {
          const written = await store.update(key, update);
          if (written.applied) withMembers(state, { seenWakeCount: written.record.wakeCount });
          return written;
        },
      });
      const state = real({ ...start, ports: { ...start.ports, store: refreshing } });
      return state;
    },
  }),
  replacing({
    rule: "rule 3",
    what: "a timer of an earlier run is taken",
    module,
    export: "acquireRuleOf",
    with: allowing("timer", { fence: undefined }),
    caughtBy: classTable,
  }),
  replacing({
    rule: "rule 3",
    what: "a hand-over of an earlier run is taken",
    module,
    export: "acquireRuleOf",
    with: allowing("handOver", { fence: undefined }),
    caughtBy: classTable,
  }),
  replacing({
    rule: "rule 3",
    what: "the start of a task that has run is taken",
    module,
    export: "acquireRuleOf",
    with: allowing("start", { fence: undefined }),
    caughtBy: classTable,
  }),
  replacing({
    rule: "rule 3",
    what: "an alarm clock is set under the fence of another run",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) => real(outcome, { ...facts, fence: facts.record.fence + 1 }),
    caughtBy,
  }),
  replacing({
    rule: "rule 3",
    what: "a timer counts as news",
    module,
    export: "isNews",
    with: counted("timer", true),
    caughtBy: classTable,
  }),
  replacing({
    rule: "rule 3",
    what: "a hand-over counts as news",
    module,
    export: "isNews",
    with: counted("handOver", true),
    caughtBy: classTable,
  }),
  replacing({
    rule: "rule 3",
    what: "a rescue counts as news",
    module,
    export: "isNews",
    with: counted("rescue", true),
    caughtBy: classTable,
  }),
  replacing({
    rule: "rule 3",
    what: "a probe counts as news",
    module,
    export: "isNews",
    with: counted("probe", true),
    caughtBy: classTable,
  }),
  replacing({
    rule: "rule 3",
    what: "a signal does not count as news",
    module,
    export: "isNews",
    with: counted("signal", false),
  }),
  replacing({
    rule: "rule 3",
    what: "a child's end does not count as news",
    module,
    export: "isNews",
    with: counted("child", false),
    caughtBy: classTable,
  }),
  replacing({
    rule: "rule 3",
    what: "a signal does not wake a sleeping task",
    module,
    export: "acquireRuleOf",
    with: allowing("signal", { sleeping: false }),
  }),
  replacing({
    rule: "rule 3",
    what: "a probe does not wake a sleeping task",
    module,
    export: "acquireRuleOf",
    with: allowing("probe", { sleeping: false }),
  }),
  replacing({
    rule: "rule 3",
    what: "a timer wakes a sleeping task",
    module,
    export: "acquireRuleOf",
    with: allowing("timer", { sleeping: true }),
    caughtBy,
  }),
  replacing({
    rule: "rule 3",
    what: "a rescue wakes a sleeping task",
    module,
    export: "acquireRuleOf",
    with: allowing("rescue", { sleeping: true }),
    caughtBy,
  }),
  replacing({
    rule: "rule 3",
    what: "an operator does not take a retry early",
    module,
    export: "acquireRuleOf",
    with: allowing("operator", { early: false }),
    caughtBy: classTable,
  }),
  replacing({
    rule: "rule 4",
    what: "a signal takes a retry early that has not opted in",
    module,
    export: "acquireRuleOf",
    with: (real) => (wake) => real(wake, true),
  }),
  replacing({
    rule: "rule 4",
    what: "a signal addresses cron tasks",
    module: "functions/engines/cron.ts",
    export: "cronRules",
    with: (real) => ({ ...real, onSignal: "run" as const }),
    caughtBy,
  }),
  replacing({
    rule: "rule 5",
    what: "a wake loses against the first other writer",
    module: "functions/tasks/compare-and-swap.ts",
    export: "compareAndSwap",
    with: (real) => (first, _maxTries, decide, write) => real(first, 1, decide, write),
  }),
  {
    rule: "T3",
    what: "a wake that finds its task running is not noted",
    operations: ["signal to a running task", "child completed"],
    change: counting(),
  },
  replacing({
    rule: "T3",
    what: "a run goes to sleep though wakes have moved",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) => {
      const settlement = real(outcome, facts);
      const { otherwise } = settlement;
      return otherwise ? { ...settlement, otherwise: { ...otherwise, next: "over" } } : settlement;
    },
  }),
  replacing({
    rule: "T3",
    what: "a commit that is refused for what came meanwhile is not made in another way",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) => {
      const { otherwise: _, ...settlement } = real(outcome, facts);
      return settlement;
    },
  }),
  replacing({
    rule: "T3",
    what: "a watch that is poked ends",
    module: "functions/run/settlement.ts",
    export: "continued",
    with: (real) => (tail, facts) => ({ ...real(tail, facts), next: "over" }),
    caughtBy: "test/engines/eager.test.ts",
  }),
  replacing({
    rule: "rule 14",
    what: "an activity acts without news",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with:
      (real) =>
      ({ record: { acted: _, ...record }, ...start }) =>
        real({ ...start, record }),
    caughtBy: "test/engines/views.test.ts",
  }),
  replacing({
    rule: "rule 14",
    what: "an activity does not act on a child's end",
    module: "functions/run/run.ts",
    export: "runTask",
    with:
      (real) =>
      (ports, binding, { childDone: _, ...record }, wake, invocation, watch) =>
        real(ports, binding, record, wake === "child" ? "signal" : wake, invocation, watch),
    caughtBy: "test/engines/children.test.ts",
  }),
  replacing({
    rule: "rule 14",
    what: "an activity does not act on a timer",
    module: "functions/run/run-context.ts",
    export: "createRunHandle",
    with: (real) => (state, wokenBy) => real(state, wokenBy === "timer" ? "signal" : wokenBy),
  }),
  replacing({
    rule: "rule 14",
    what: "an act that failed counts as one",
    module: "functions/run/run-progress.ts",
    export: "beginProgress",
    with: (real) => (behaviour, record) => {
      const progress = real(behaviour, record);
      return withMembers(progress, { beginAct: () => progress.actedOnTail() });
    },
    caughtBy: "test/engines/views.test.ts",
  }),
  replacing({
    rule: "rule 14",
    what: "an activity acts again on what it has acted on, when its view is rebuilt",
    module: "functions/run/run-progress.ts",
    export: "beginProgress",
    with: (real) => (behaviour, record) => {
      const progress = real(behaviour, record);
      const { startOver } = progress;
      return withMembers(progress, {
        startOver(stored) {
          startOver.call(progress, stored);
          progress.passedActed();
        },
      });
    },
    caughtBy: "test/engines/views.test.ts",
  }),
  replacing({
    rule: "rule 16",
    what: "a slot of the past is the next one",
    module: "functions/engines/cron.ts",
    export: "cronRules",
    with: (real) => ({
      ...real,
      sleep: (record, binding, now, ...rest) =>
        real.sleep(record, binding, now - binding.everyMinutes * 60_000, ...rest),
    }),
  }),
  replacing({
    rule: "rule 16",
    what: "missed slots are caught up",
    module: "functions/engines/cron.ts",
    export: "cronRules",
    with: (real) => ({
      ...real,
      sleep: (record, binding, now, ...rest) => real.sleep(record, binding, record.notBefore ?? now, ...rest),
    }),
  }),
  replacing({
    rule: "rule 17",
    what: "a wait for a time that is past is one",
    module: "functions/run/settlement.ts",
    export: "settlementOf",
    with: (real) => (outcome, facts) =>
      real(outcome, outcome.type === "silentRetryAfter" ? { ...facts, now: Number.NEGATIVE_INFINITY } : facts),
    caughtBy: "test/engines/outcome-table.test.ts",
  }),
  replacing({
    rule: "rule 17",
    what: "a wait for a time that no schedule can name is one",
    module: "functions/contract/outcome.ts",
    export: "isOutOfReach",
    with:
      () =>
      (outcome): outcome is typeof outcome & { type: "silentRetryAfter" } =>
        false,
    caughtBy: "test/engines/outcome-table.test.ts",
  }),
  replacing({
    rule: "rule 17",
    what: "the time of a schedule is not rounded up",
    module: "functions/wake/timing.ts",
    export: "scheduleTime",
    with: () => (at) => Math.floor(at / 1000) * 1000,
    caughtBy: classTable,
  }),
  replacing({
    rule: "rule 17",
    what: "the schedules of two runs have the same name",
    module: "functions/wake/timing.ts",
    export: "scheduleName",
    with: (real) => (wake, at) => real(wake.fence === undefined ? wake : { ...wake, fence: 0 }, at),
    caughtBy: classTable,
  }),
  replacing({
    rule: "rule 18",
    what: "a tail that a silent server does not know is never looked up",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with: (real) => (start) => real({ ...start, record: { ...start.record, tailSeenAt: start.ports.clock.now() } }),
    caughtBy: "test/faults/unknown-tail.test.ts",
  }),
  replacing({
    rule: "rule 18",
    what: "a sleeping task's tail is never in doubt",
    module: "functions/run/open-stream.ts",
    export: "isTailInDoubt",
    with: () => () => false,
    caughtBy: "test/faults/unknown-tail.test.ts",
  }),
  replacing({
    rule: "rule 18",
    what: "a tail that the server does not know is asked for again",
    module: "functions/run/run-state.ts",
    export: "beginRun",
    with: (real) => (start) => {
      const { stream } = start.binding;
      const { tailUnknown } = stream.definition;
      const definition = {
        ...stream.definition,
        tailUnknown: tailUnknown === "silent" ? tailUnknown : () => false,
      };
      return real({ ...start, binding: { ...start.binding, stream: { ...stream, definition } } });
    },
  }),
  replacing({
    rule: "rule 18",
    what: "who starts over stays at its tail",
    module: "functions/run/run-progress.ts",
    export: "beginProgress",
    with: (real) => (behaviour, record) => {
      const progress = real(behaviour, record);
      const { startOver } = progress;
      return withMembers(progress, {
        startOver(stored) {
          const { tail } = progress;
          startOver.call(progress, stored);
          withMembers(progress, { tail });
        },
      });
    },
  }),
  replacing({
    rule: "rule 18",
    what: "a view outlives the history that it was made of",
    module: "functions/run/run-progress.ts",
    export: "beginProgress",
    with: (real) => (behaviour, record) => {
      const progress = real(behaviour, record);
      const { startOver } = progress;
      return withMembers(progress, {
        startOver(stored) {
          const { view } = progress;
          startOver.call(progress, stored);
          if (view) withMembers(progress, { view: { ...view, changed: true } });
        },
      });
    },
  }),
];

type Wake = Modules[typeof module];

/** The wakes of a class take more or fewer tasks. */
function allowing(wakeClass: WakeClass, changes: Partial<AcquireRule>) {
  return (real: Wake["acquireRuleOf"]): Wake["acquireRuleOf"] =>
    (wake, signalsCutWaits) => ({
      ...real(wake, signalsCutWaits),
      ...(wake.class === wakeClass && changes),
    });
}

/** Whether the wakes of a class count as news. */
function counted(wakeClass: WakeClass, asNews: boolean) {
  return (real: Wake["isNews"]): Wake["isNews"] =>
    (one) =>
      one === wakeClass ? asNews : real(one);
}
