/** The modules of which mutants replace an export, by their path from the root of the project. */
export interface Modules {
  "functions/contract/outcome.ts": typeof import("../../../functions/contract/outcome.ts");
  "functions/engines/breakers.ts": typeof import("../../../functions/engines/breakers.ts");
  "functions/engines/cron.ts": typeof import("../../../functions/engines/cron.ts");
  "functions/engines/lazy.ts": typeof import("../../../functions/engines/lazy.ts");
  "functions/lambda/invocation.ts": typeof import("../../../functions/lambda/invocation.ts");
  "functions/leaders/eager-shard.ts": typeof import("../../../functions/leaders/eager-shard.ts");
  "functions/leaders/lead.ts": typeof import("../../../functions/leaders/lead.ts");
  "functions/leaders/leadership.ts": typeof import("../../../functions/leaders/leadership.ts");
  "functions/queue/batch.ts": typeof import("../../../functions/queue/batch.ts");
  "functions/queue/queue-age.ts": typeof import("../../../functions/queue/queue-age.ts");
  "functions/run/attempt.ts": typeof import("../../../functions/run/attempt.ts");
  "functions/run/await-child.ts": typeof import("../../../functions/run/await-child.ts");
  "functions/run/notify.ts": typeof import("../../../functions/run/notify.ts");
  "functions/run/open-stream.ts": typeof import("../../../functions/run/open-stream.ts");
  "functions/run/run-context.ts": typeof import("../../../functions/run/run-context.ts");
  "functions/run/run-progress.ts": typeof import("../../../functions/run/run-progress.ts");
  "functions/run/run-state.ts": typeof import("../../../functions/run/run-state.ts");
  "functions/run/run.ts": typeof import("../../../functions/run/run.ts");
  "functions/run/settlement.ts": typeof import("../../../functions/run/settlement.ts");
  "functions/run/start.ts": typeof import("../../../functions/run/start.ts");
  "functions/tasks/backoff.ts": typeof import("../../../functions/tasks/backoff.ts");
  "functions/tasks/compare-and-swap.ts": typeof import("../../../functions/tasks/compare-and-swap.ts");
  "functions/tasks/due-round.ts": typeof import("../../../functions/tasks/due-round.ts");
  "functions/tasks/lease-token.ts": typeof import("../../../functions/tasks/lease-token.ts");
  "functions/tasks/memory.ts": typeof import("../../../functions/tasks/memory.ts");
  "functions/tasks/persist.ts": typeof import("../../../functions/tasks/persist.ts");
  "functions/tasks/standing.ts": typeof import("../../../functions/tasks/standing.ts");
  "functions/tasks/transitions.ts": typeof import("../../../functions/tasks/transitions.ts");
  "functions/tasks/update.ts": typeof import("../../../functions/tasks/update.ts");
  "functions/tick/due-scan.ts": typeof import("../../../functions/tick/due-scan.ts");
  "functions/tick/rebinding.ts": typeof import("../../../functions/tick/rebinding.ts");
  "functions/tick/tick.ts": typeof import("../../../functions/tick/tick.ts");
  "functions/upstream/breaker.ts": typeof import("../../../functions/upstream/breaker.ts");
  "functions/wake/timing.ts": typeof import("../../../functions/wake/timing.ts");
  "functions/wake/wake.ts": typeof import("../../../functions/wake/wake.ts");
}
