import {
  RepoEvent_Type,
  GetRepoO_StorageTierCode as StorageTier,
  type GetRepoO_StorageTierCode as StorageTierCode,
} from "../../functions/nog/gen/nogfso/repos_pb.ts";

/** The storage tier of a repo's files, current or in transition. */
export interface Storage {
  tier: StorageTierCode;
  /** The last workflow that changed the tier. */
  tierWorkflowId: Uint8Array | undefined;
}

interface TierEvent {
  readonly event: number;
  readonly workflowId: Uint8Array;
  readonly statusCode: number;
}

/**
 * Applies the freeze, unfreeze, archive and unarchive events of a repo or of its registry, whose numbers agree. Ignores
 * other events.
 */
export function followStorage(storage: Storage, { event, workflowId, statusCode }: TierEvent): void {
  const started = startedTiers.get(event);
  if (started !== undefined) {
    storage.tier = started;
    storage.tierWorkflowId = workflowId;
  }
  const completed = completedTiers.get(event);
  if (completed) storage.tier = statusCode === 0 ? completed.ok : completed.failed;
}

const startedTiers: ReadonlyMap<number, StorageTierCode> = new Map([
  [RepoEvent_Type.EV_FSO_FREEZE_REPO_STARTED_2, StorageTier.ST_FREEZING],
  [RepoEvent_Type.EV_FSO_UNFREEZE_REPO_STARTED_2, StorageTier.ST_UNFREEZING],
  [RepoEvent_Type.EV_FSO_ARCHIVE_REPO_STARTED, StorageTier.ST_ARCHIVING],
  [RepoEvent_Type.EV_FSO_UNARCHIVE_REPO_STARTED, StorageTier.ST_UNARCHIVING],
]);

const completedTiers: ReadonlyMap<number, { ok: StorageTierCode; failed: StorageTierCode }> = new Map([
  [RepoEvent_Type.EV_FSO_FREEZE_REPO_COMPLETED_2, { ok: StorageTier.ST_FROZEN, failed: StorageTier.ST_FREEZE_FAILED }],
  [
    RepoEvent_Type.EV_FSO_UNFREEZE_REPO_COMPLETED_2,
    { ok: StorageTier.ST_ONLINE, failed: StorageTier.ST_UNFREEZE_FAILED },
  ],
  [
    RepoEvent_Type.EV_FSO_ARCHIVE_REPO_COMPLETED,
    { ok: StorageTier.ST_ARCHIVED, failed: StorageTier.ST_ARCHIVE_FAILED },
  ],
  [
    RepoEvent_Type.EV_FSO_UNARCHIVE_REPO_COMPLETED,
    { ok: StorageTier.ST_FROZEN, failed: StorageTier.ST_UNARCHIVE_FAILED },
  ],
]);
