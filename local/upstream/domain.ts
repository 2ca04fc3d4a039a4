import type { Clock } from "../../functions/foundation/clock.ts";
import { type RegistryEvent, RegistryEventSchema } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { type RepoEvent, RepoEventSchema } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { type WorkflowEvent, WorkflowEventSchema } from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { DuRootWorkflows } from "./du-root.ts";
import { EventLog } from "./event-log.ts";
import { FreezeRepoWorkflows } from "./freeze-repo.ts";
import type { Journal } from "./journal.ts";
import { PingRegistryWorkflows } from "./ping-registry.ts";
import { Registries } from "./registry.ts";
import { Repositories } from "./repo.ts";
import { SplitRootWorkflows } from "./split-root.ts";
import { WorkflowIds } from "./workflow-ids.ts";
import { WorkflowIndexes } from "./workflow-index.ts";

/** All aggregates of one journal. */
export interface Domain {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logs: {
    readonly registry: EventLog<RegistryEvent>;
    readonly repo: EventLog<RepoEvent>;
    /** Workflows of repos. */
    readonly workflow: EventLog<WorkflowEvent>;
    /** Workflows of registries, and their indexes. */
    readonly ephemeral: EventLog<WorkflowEvent>;
  };
  readonly registries: Registries;
  readonly repos: Repositories;
  readonly indexes: WorkflowIndexes;
  readonly duRoots: DuRootWorkflows;
  readonly pings: PingRegistryWorkflows;
  readonly splitRoots: SplitRootWorkflows;
  readonly freezes: FreezeRepoWorkflows;
  readonly workflowIds: WorkflowIds;
}

export function createDomain(journal: Journal, clock: Clock): Domain {
  const logs = {
    registry: new EventLog(journal, clock, "registry", RegistryEventSchema),
    repo: new EventLog(journal, clock, "repo", RepoEventSchema),
    workflow: new EventLog(journal, clock, "workflow", WorkflowEventSchema),
    ephemeral: new EventLog(journal, clock, "ephemeral-workflow", WorkflowEventSchema),
  };
  return {
    journal,
    clock,
    logs,
    registries: new Registries(logs.registry),
    repos: new Repositories(logs.repo),
    indexes: new WorkflowIndexes(logs.ephemeral),
    duRoots: new DuRootWorkflows(logs.ephemeral),
    pings: new PingRegistryWorkflows(logs.ephemeral),
    splitRoots: new SplitRootWorkflows(logs.ephemeral),
    freezes: new FreezeRepoWorkflows(logs.ephemeral),
    workflowIds: new WorkflowIds(journal),
  };
}
