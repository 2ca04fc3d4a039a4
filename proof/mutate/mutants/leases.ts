import type { Ports } from "../../../functions/engines/ports.ts";
import type { Leadership } from "../../../functions/leaders/leadership.ts";
import type { ControlStore } from "../../../functions/tasks/control.ts";
import { ledBy } from "../../../functions/tasks/lease-token.ts";
import type { TaskRecord } from "../../../functions/tasks/record.ts";
import { clockSkewMs } from "../../../functions/tasks/times.ts";
import { without } from "../mutations.ts";
import { type Mutant, replacing } from "./mutant.ts";
import { overriding } from "./overriding.ts";
import { counting, refusing } from "./writes.ts";

/** Who may run: rules 7, 8, 12, 19 and 20. */
export const leases: readonly Mutant[] = [
  replacing({
    rule: "rule 7",
    what: "a lease ends before its invocation",
    module: "functions/tasks/transitions.ts",
    export: "acquire",
    with: (real) => (claim, rule) =>
      real(ledBy(claim.token) ? claim : { ...claim, leaseUntil: claim.now + 20_000 }, rule),
  }),
  replacing({
    rule: "rule 7",
    what: "a leader's lease ends before its invocation",
    module: "functions/tasks/transitions.ts",
    export: "acquire",
    with: (real) => (claim, rule) =>
      real(ledBy(claim.token) ? { ...claim, leaseUntil: claim.now + 20_000 } : claim, rule),
  }),
  replacing({
    rule: "rule 7",
    what: "a lease is over as soon as one clock says so",
    module: "functions/tasks/standing.ts",
    export: "standingOf",
    with: (real) => (record, now) => real(record, record.status === "running" ? now + clockSkewMs : now),
    caughtBy: "test/engines/batch.test.ts",
  }),
  replacing({
    rule: "rule 7",
    what: "a dead lease counts as held",
    module: "functions/tasks/standing.ts",
    export: "standingOf",
    with: (real) => (record, now) => {
      const standing = real(record, now);
      return standing.type === "dead" ? { ...standing, type: "held", until: now } : standing;
    },
  }),
  {
    rule: "rule 8",
    what: "a run that died is no strike",
    operations: ["acquire over a dead lease"],
    change: counting("fence"),
  },
  { rule: "rule 8", what: "a quarantined task has no strike", operations: ["quarantine"], change: counting("fence") },
  replacing({
    rule: "rule 8",
    what: "what has killed two runs runs among others",
    module: "functions/tasks/standing.ts",
    export: "strikesIfAcquired",
    with:
      () =>
      ({ status, strikes }) =>
        status === "running" ? 0 : strikes,
  }),
  replacing({
    rule: "rule 8",
    what: "a leader takes what has killed two runs",
    module: "functions/leaders/eager-shard.ts",
    export: "leadEagerShard",
    with: (real) => (ports, shard, invocation) =>
      real(
        forgiving(ports, ({ status }) => status === "running"),
        shard,
        invocation,
      ),
  }),
  replacing({
    rule: "rule 8",
    what: "a leader takes what was quarantined",
    module: "functions/leaders/eager-shard.ts",
    export: "leadEagerShard",
    with: (real) => (ports, shard, invocation) =>
      real(
        forgiving(ports, ({ status }) => status !== "running"),
        shard,
        invocation,
      ),
    caughtBy: "test/engines/eager.test.ts",
  }),
  replacing({
    rule: "rule 8",
    what: "strikes do not back off",
    module: "functions/tasks/backoff.ts",
    export: "strikeDelayMs",
    with: () => () => 0,
  }),
  {
    rule: "rule 8",
    what: "no task is parked for its strikes",
    operations: ["park on strikes"],
    change: refusing,
    caughtBy: "test/engines/tick.test.ts",
  },
  {
    rule: "rule 8",
    what: "a task is parked for strikes though its lease is alive",
    operations: ["park on strikes"],
    change: without({ operation: "park on strikes", condition: "atMost leaseUntil" }),
    caughtBy: "test/tasks/memory.test.ts",
  },
  {
    rule: "rule 8",
    what: "a task is parked for fewer strikes than its limit",
    operations: ["park on strikes"],
    change: without({ operation: "park on strikes", condition: "atLeast strikes" }),
    caughtBy: "test/tasks/memory.test.ts",
  },
  {
    rule: "rule 8",
    what: "a leader that was killed is no strike",
    operations: ["acquire from an earlier leader"],
    change: counting("fence"),
    caughtBy: "test/engines/eager.test.ts",
  },
  replacing({
    rule: "rule 12",
    what: "an open breaker admits",
    module: "functions/engines/breakers.ts",
    export: "Breakers",
    with: (real) =>
      class extends real {
        override async admit(upstream: string) {
          const decision = await super.admit(upstream);
          return decision.type === "wait" ? ({ type: "go" } as const) : decision;
        }
      },
    caughtBy: "test/engines/breaker.test.ts",
  }),
  replacing({
    rule: "rule 12",
    what: "a paused upstream admits",
    module: "functions/engines/breakers.ts",
    export: "Breakers",
    with: (real) =>
      class extends real {
        override async admit(upstream: string) {
          const decision = await super.admit(upstream);
          return decision.type === "paused" ? ({ type: "go" } as const) : decision;
        }
      },
    caughtBy: "test/engines/breaker.test.ts",
  }),
  replacing({
    rule: "rule 12",
    what: "two trials are sent",
    module: "functions/engines/breakers.ts",
    export: "Breakers",
    with: (real) =>
      class extends real {
        constructor(ports: ConstructorParameters<typeof real>[0]) {
          super({ ...ports, control: writingInAnyCase(ports.control) });
        }
      },
    caughtBy: "test/engines/breaker.test.ts",
  }),
  replacing({
    rule: "rule 12",
    what: "failures open no breaker",
    module: "functions/upstream/breaker.ts",
    export: "trip",
    with: () => (before) => before,
    caughtBy: "test/engines/breaker.test.ts",
  }),
  replacing({
    rule: "rule 12",
    what: "an upstream is out for as long each time",
    module: "functions/upstream/breaker.ts",
    export: "trip",
    with: (real) => (before, now, random, reason) => ({
      ...real({ ...before, trips: 0 }, now, random, reason),
      trips: before.trips + 1,
    }),
    caughtBy: "test/engines/breaker.test.ts",
  }),
  replacing({
    rule: "rule 12",
    what: "an upstream that is out is used without a look at its breaker",
    module: "functions/queue/batch.ts",
    export: "runBatch",
    with: (real) => (ports, deliveries, invocation) => {
      const breakers = overriding(ports.breakers, { admit: async () => ({ type: "go" }) });
      return real({ ...ports, breakers }, deliveries, invocation);
    },
    caughtBy: "test/engines/breaker.test.ts",
  }),
  replacing({
    rule: "rule 19",
    what: "a leader takes tasks from its own epoch",
    module: "functions/tasks/lease-token.ts",
    export: "ledBy",
    with: (real) => (token) => {
      const leader = real(token);
      return leader && { ...leader, epoch: leader.epoch - 1 };
    },
  }),
  {
    rule: "rule 19",
    what: "a leader that left in order is a strike",
    operations: ["acquire from an earlier leader"],
    change: counting("fence", "strikes"),
    caughtBy: "test/engines/eager.test.ts",
  },
  replacing({
    rule: "rule 19",
    what: "a leader that was replaced goes on",
    module: "functions/leaders/lead.ts",
    export: "lead",
    with: (real) => (ports, name, invocation, place) =>
      real(ports, name, invocation, {
        ...place,
        whileLeading: (leadership) => place.whileLeading(leadership, invocation.signal),
      }),
    caughtBy: "test/engines/eager.test.ts",
  }),
  replacing({
    rule: "rule 19",
    what: "two leaders claim one place",
    module: "functions/leaders/leadership.ts",
    export: "Leadership",
    with: (real) => writingUnseen(real, (isClaimed) => !isClaimed),
    caughtBy: "test/engines/signals.test.ts",
  }),
  replacing({
    rule: "rule 19",
    what: "a leader writes over its successor",
    module: "functions/leaders/leadership.ts",
    export: "Leadership",
    with: (real) => writingUnseen(real, (isClaimed) => isClaimed),
    caughtBy: "test/engines/eager.test.ts",
  }),
  replacing({
    rule: "rule 19",
    what: "a place is free while its leader lives",
    module: "functions/leaders/leadership.ts",
    export: "isFree",
    with: (real) => (state, now) => real(state, now + 20_000),
    caughtBy: "test/engines/eager.test.ts",
  }),
  replacing({
    rule: "rule 20",
    what: "a process goes on whose activity ignored the abort",
    module: "functions/lambda/invocation.ts",
    export: "openInvocation",
    // It remembers what was ignored by the process, which is another one each time.
    with: (real) => (process, remainingMs) => real({ ...process }, remainingMs),
    caughtBy: "test/lambda/events.test.ts",
  }),
  replacing({
    rule: "rule 20",
    what: "an activity that ignores the abort is waited for",
    module: "functions/run/run.ts",
    export: "runTask",
    with: (real) => (ports, binding, record, wake, invocation, watch) =>
      real(ports, binding, record, wake, { ...invocation, abandonAt: invocation.hardEnd + 3_600_000 }, watch),
    caughtBy: "test/engines/deadline.test.ts",
  }),
];

/** Ports through which some tasks have no strikes. */
function forgiving(ports: Ports, isForgiven: (record: TaskRecord) => boolean): Ports {
  const { store } = ports;
  return {
    ...ports,
    store: overriding(store, {
      async get(key) {
        const record = await store.get(key);
        return record && isForgiven(record) ? { ...record, strikes: 0 } : record;
      },
    }),
  };
}

/** Documents that are written whatever is stored. */
function writingInAnyCase(control: ControlStore): ControlStore {
  return overriding(control, { write: (name, value) => control.write(name, value, "any") });
}

/** A leader that does not ask for the version it has seen, of some writes: of its claim, or of those that follow. */
function writingUnseen(real: typeof Leadership, isUnseen: (isClaimed: boolean) => boolean): typeof Leadership {
  return overriding(real, {
    async claim(ports, ...rest) {
      let isClaimed = false;
      const { control } = ports;
      const unseeing = overriding(control, {
        write: (name, value, seen) => control.write(name, value, isUnseen(isClaimed) ? "any" : seen),
      });
      const claimed = await real.claim({ ...ports, control: unseeing }, ...rest);
      isClaimed = true;
      return claimed;
    },
  });
}
