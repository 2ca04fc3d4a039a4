import {
  fingerprints,
  optionalUlidField,
  type RepoLocation,
  repoLocation,
  required,
  type Status,
  type SubdirTracking,
  status,
  subdirTracking,
  type UnknownEvent,
  ulidField,
  uuidField,
} from "./event-fields.ts";
import { type RepoEvent as Message, RepoEvent_Type as Type } from "./gen/nogfso/repos_pb.ts";

/**
 * Events of a repo: its set-up, moves, freezes, archives and errors. UUIDs and event ids are text, GPG key fingerprints
 * upper-case hexadecimal. The events `legacy…` are of an early freeze that no server writes any more.
 */
export type RepoEvent =
  | RepoSetUpEvent
  | RepoMoveEvent
  | { readonly type: "errorSet"; readonly message: string }
  | { readonly type: "errorCleared" }
  | {
      readonly type: "archiveRecipientsUpdated" | "shadowBackupRecipientsUpdated";
      readonly fingerprints: readonly string[];
    }
  | {
      readonly type: "legacyFreezeStarted" | "legacyUnfreezeStarted";
      readonly author: { readonly name: string; readonly email: string } | undefined;
    }
  | ({ readonly type: "legacyFreezeCompleted" | "legacyUnfreezeCompleted" } & Status)
  | { readonly type: `${TierChange}Started`; readonly workflowId: string }
  | {
      readonly type: `${Exclude<TierChange, "archive">}Completed`;
      readonly workflowId: string;
      readonly statusCode: number;
    }
  /** `tarPath` is set if `statusCode` is 0. */
  | {
      readonly type: "archiveCompleted";
      readonly workflowId: string;
      readonly statusCode: number;
      readonly tarPath: string | undefined;
    }
  | UnknownEvent;

type TierChange = "freeze" | "unfreeze" | "archive" | "unarchive";

type RepoSetUpEvent =
  | ({
      readonly type: "initStarted";
      readonly registry: string;
      readonly creatorName: string;
      readonly creatorEmail: string;
      readonly gitlabHost: string;
      readonly gitlabPath: string;
      readonly gitToNogAddr: string;
      readonly subdirTracking: SubdirTracking;
    } & RepoLocation)
  | { readonly type: "shadowCreated"; readonly shadowPath: string }
  | { readonly type: "gitCreated"; readonly gitlabProjectId: bigint }
  | { readonly type: "gitToNogCloned"; readonly clonePath: string }
  | { readonly type: "enableGitlabAccepted"; readonly gitlabHost: string; readonly gitlabPath: string }
  | { readonly type: "tarttCreated"; readonly archiveUrl: string }
  | { readonly type: "shadowBackupCreated"; readonly shadowBackupUrl: string };

type RepoMoveEvent =
  | { readonly type: "shadowMoveStarted"; readonly workflowId: string; readonly newShadowPath: string }
  /** `workflowEventId` is undefined in events from before moves were workflows. */
  | {
      readonly type: "shadowMoved";
      readonly workflowId: string;
      readonly workflowEventId: string | undefined;
      readonly newShadowPath: string;
    }
  | { readonly type: "shadowBackupMoved"; readonly shadowBackupUrl: string }
  | {
      readonly type: "moveStarted";
      readonly registryEventId: string;
      readonly workflowId: string;
      readonly from: RepoLocation;
      readonly fromShadowPath: string;
      readonly to: RepoLocation;
    }
  | ({
      readonly type: "moved";
      readonly workflowId: string;
      readonly workflowEventId: string;
      readonly shadowPath: string;
    } & RepoLocation);

export function toRepoEvent(m: Message): RepoEvent {
  switch (m.event) {
    case Type.EV_FSO_REPO_INIT_STARTED:
      return initStarted(m);
    case Type.EV_FSO_SHADOW_REPO_CREATED:
      return { type: "shadowCreated", shadowPath: required(m, "fsoShadowRepoInfo").shadowPath };
    case Type.EV_FSO_GIT_REPO_CREATED:
      return { type: "gitCreated", gitlabProjectId: required(m, "fsoGitRepoInfo").gitlabProjectId };
    case Type.EV_FSO_GIT_TO_NOG_CLONED:
      return { type: "gitToNogCloned", clonePath: required(m, "fsoGitToNogInfo").clonePath };
    case Type.EV_FSO_ENABLE_GITLAB_ACCEPTED: {
      const { gitlabHost, gitlabPath } = required(m, "fsoRepoInitInfo");
      return { type: "enableGitlabAccepted", gitlabHost, gitlabPath };
    }
    case Type.EV_FSO_TARTT_REPO_CREATED:
      return { type: "tarttCreated", archiveUrl: required(m, "fsoArchiveRepoInfo").archiveUrl };
    case Type.EV_FSO_SHADOW_BACKUP_REPO_CREATED:
      return { type: "shadowBackupCreated", ...shadowBackup(m) };
    case Type.EV_FSO_SHADOW_BACKUP_REPO_MOVED:
      return { type: "shadowBackupMoved", ...shadowBackup(m) };
    case Type.EV_FSO_REPO_ERROR_SET:
      return { type: "errorSet", message: m.fsoRepoErrorMessage };
    case Type.EV_FSO_REPO_ERROR_CLEARED:
      return { type: "errorCleared" };
    case Type.EV_FSO_ARCHIVE_RECIPIENTS_UPDATED:
      return { type: "archiveRecipientsUpdated", fingerprints: fingerprints(m) };
    case Type.EV_FSO_SHADOW_BACKUP_RECIPIENTS_UPDATED:
      return { type: "shadowBackupRecipientsUpdated", fingerprints: fingerprints(m) };
    default:
      return toMoveEvent(m) ?? toTierEvent(m) ?? { type: "unknown", code: m.event };
  }
}

function toMoveEvent(m: Message): RepoMoveEvent | undefined {
  switch (m.event) {
    case Type.EV_FSO_SHADOW_REPO_MOVE_STARTED:
      return { type: "shadowMoveStarted", workflowId: uuidField(m, "workflowId"), ...newShadow(m) };
    case Type.EV_FSO_SHADOW_REPO_MOVED:
      return {
        type: "shadowMoved",
        workflowId: uuidField(m, "workflowId"),
        workflowEventId: optionalUlidField(m, "workflowEventId"),
        ...newShadow(m),
      };
    case Type.EV_FSO_REPO_MOVE_STARTED:
      return {
        type: "moveStarted",
        registryEventId: ulidField(m, "registryEventId"),
        workflowId: uuidField(m, "workflowId"),
        from: repoLocation(required(m, "fsoRepoInitInfo")),
        fromShadowPath: required(m, "fsoShadowRepoInfo").shadowPath,
        to: repoLocation(required(m, "newFsoRepoInitInfo")),
      };
    case Type.EV_FSO_REPO_MOVED:
      return {
        type: "moved",
        workflowId: uuidField(m, "workflowId"),
        workflowEventId: ulidField(m, "workflowEventId"),
        ...repoLocation(required(m, "fsoRepoInitInfo")),
        shadowPath: required(m, "fsoShadowRepoInfo").shadowPath,
      };
    default:
      return undefined;
  }
}

function toTierEvent(m: Message): RepoEvent | undefined {
  switch (m.event) {
    case Type.EV_FSO_FREEZE_REPO_STARTED:
      return { type: "legacyFreezeStarted", ...author(m) };
    case Type.EV_FSO_FREEZE_REPO_COMPLETED:
      return { type: "legacyFreezeCompleted", ...status(m) };
    case Type.EV_FSO_UNFREEZE_REPO_STARTED:
      return { type: "legacyUnfreezeStarted", ...author(m) };
    case Type.EV_FSO_UNFREEZE_REPO_COMPLETED:
      return { type: "legacyUnfreezeCompleted", ...status(m) };
    case Type.EV_FSO_FREEZE_REPO_STARTED_2:
      return { type: "freezeStarted", workflowId: uuidField(m, "workflowId") };
    case Type.EV_FSO_FREEZE_REPO_COMPLETED_2:
      return { type: "freezeCompleted", ...tierChanged(m) };
    case Type.EV_FSO_UNFREEZE_REPO_STARTED_2:
      return { type: "unfreezeStarted", workflowId: uuidField(m, "workflowId") };
    case Type.EV_FSO_UNFREEZE_REPO_COMPLETED_2:
      return { type: "unfreezeCompleted", ...tierChanged(m) };
    case Type.EV_FSO_ARCHIVE_REPO_STARTED:
      return { type: "archiveStarted", workflowId: uuidField(m, "workflowId") };
    case Type.EV_FSO_ARCHIVE_REPO_COMPLETED:
      return {
        type: "archiveCompleted",
        ...tierChanged(m),
        tarPath: m.statusCode === 0 ? required(m, "tarttTarInfo").path : m.tarttTarInfo?.path,
      };
    case Type.EV_FSO_UNARCHIVE_REPO_STARTED:
      return { type: "unarchiveStarted", workflowId: uuidField(m, "workflowId") };
    case Type.EV_FSO_UNARCHIVE_REPO_COMPLETED:
      return { type: "unarchiveCompleted", ...tierChanged(m) };
    default:
      return undefined;
  }
}

function initStarted(m: Message): RepoEvent {
  const info = required(m, "fsoRepoInitInfo");
  return {
    type: "initStarted",
    registry: info.registry,
    ...repoLocation(info),
    creatorName: info.creatorName,
    creatorEmail: info.creatorEmail,
    gitlabHost: info.gitlabHost,
    gitlabPath: info.gitlabPath,
    gitToNogAddr: info.gitToNogAddr,
    subdirTracking: subdirTracking(info.subdirTracking),
  };
}

function shadowBackup(m: Message): { shadowBackupUrl: string } {
  return { shadowBackupUrl: required(m, "fsoShadowBackupRepoInfo").shadowBackupUrl };
}

function newShadow(m: Message): { newShadowPath: string } {
  return { newShadowPath: required(m, "fsoShadowRepoInfo").newShadowPath };
}

function author(m: Message): { author: { name: string; email: string } | undefined } {
  return { author: m.gitAuthor && { name: m.gitAuthor.name, email: m.gitAuthor.email } };
}

function tierChanged(m: Message): { workflowId: string; statusCode: number } {
  return { workflowId: uuidField(m, "workflowId"), statusCode: m.statusCode };
}
