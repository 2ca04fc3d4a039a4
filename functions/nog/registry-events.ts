import {
  type AclPolicy,
  aclPolicy,
  fingerprints,
  nameOf,
  optionalUlidField,
  type Root,
  required,
  root,
  type SubdirTracking,
  subdirTracking,
  type UnknownEvent,
  ulidField,
  uuidField,
  uuidIn,
} from "./event-fields.ts";
import { type RegistryEvent as Message, RegistryEvent_Type as Type } from "./gen/nogfso/registry_pb.ts";
import { type NamingField, namingFields } from "./naming-config.ts";

/**
 * Events of a registry: its roots, its repos and its policies. UUIDs and event ids are text, sizes are bytes, GPG key
 * fingerprints upper-case hexadecimal.
 */
export type RegistryEvent =
  | { readonly type: "registryAdded"; readonly name: string }
  | { readonly type: "ephemeralWorkflowsEnabled"; readonly ephemeralWorkflowsId: string }
  | RootEvent
  | SplitRootSettingEvent
  | RegistryRepoEvent
  | UnknownEvent;

type RootEvent =
  | ({ readonly type: "rootAdded" | "rootUpdated"; readonly gitlabNamespace: string } & Root)
  | { readonly type: "rootRemoved"; readonly globalRoot: string }
  | {
      readonly type: "repoNamingUpdated" | "repoNamingConfigUpdated";
      readonly globalRoot: string;
      readonly rule: string;
      readonly config: readonly NamingField[];
    }
  | {
      readonly type: "repoInitPolicyUpdated";
      readonly globalRoot: string;
      readonly policy: RepoInitPolicy;
      readonly subdirTrackingGlobs: readonly { readonly pattern: string; readonly subdirTracking: SubdirTracking }[];
    }
  | {
      readonly type: "rootArchiveRecipientsUpdated" | "rootShadowBackupRecipientsUpdated";
      readonly globalRoot: string;
      readonly fingerprints: readonly string[];
    }
  /** The server leaves `globalRoot` out. */
  | { readonly type: "repoAclPolicyUpdated"; readonly policy: AclPolicy; readonly globalRoot: string | undefined };

type SplitRootSettingEvent =
  | { readonly type: "splitRootEnabled" | "splitRootDisabled"; readonly globalRoot: string }
  | {
      readonly type: "splitRootParamsUpdated";
      readonly globalRoot: string;
      readonly maxDepth: number;
      readonly minDiskUsage: bigint;
      readonly maxDiskUsage: bigint;
    }
  /** `flags` is a bit mask: 1 is "do not split". */
  | { readonly type: "pathFlagSet" | "pathFlagUnset"; readonly path: string; readonly flags: number };

type RegistryRepoEvent =
  | ({ readonly type: "repoAccepted"; readonly creatorName: string; readonly creatorEmail: string } & Repo)
  | ({ readonly type: "repoAdded"; readonly repoEventId: string | undefined } & Repo)
  | ({ readonly type: "repoReinitAccepted"; readonly reason: string } & Repo)
  | { readonly type: "repoEnableGitlabAccepted"; readonly repoId: string; readonly gitlabNamespace: string }
  | ({ readonly type: "repoMoveAccepted"; readonly workflowId: string } & Repo)
  | ({ readonly type: "repoMoved"; readonly workflowId: string; readonly repoEventId: string } & Repo)
  | ({ readonly type: "shadowRepoMoveStarted"; readonly repoEventId: string } & RepoWorkflow)
  | ({ readonly type: `${TierChange}RepoStarted` } & RepoWorkflow)
  | ({ readonly type: `${TierChange}RepoCompleted`; readonly statusCode: number } & RepoWorkflow);

type TierChange = "freeze" | "unfreeze" | "archive" | "unarchive";

interface Repo {
  readonly repoId: string;
  readonly globalPath: string;
}

interface RepoWorkflow {
  readonly repoId: string;
  readonly workflowId: string;
}

const initPolicies = ["unspecified", "subdirTrackingGlobs"] as const;
export type RepoInitPolicy = (typeof initPolicies)[number] | "unrecognized";

export function toRegistryEvent(m: Message): RegistryEvent {
  switch (m.event) {
    case Type.EV_FSO_REGISTRY_ADDED:
      return { type: "registryAdded", name: required(m, "fsoRegistryInfo").name };
    case Type.EV_EPHEMERAL_WORKFLOWS_ENABLED:
      return { type: "ephemeralWorkflowsEnabled", ephemeralWorkflowsId: uuidField(m, "ephemeralWorkflowsId") };
    case Type.EV_FSO_SPLIT_ROOT_ENABLED:
      return { type: "splitRootEnabled", globalRoot: required(m, "fsoSplitRootParams").globalRoot };
    case Type.EV_FSO_SPLIT_ROOT_DISABLED:
      return { type: "splitRootDisabled", globalRoot: required(m, "fsoSplitRootParams").globalRoot };
    case Type.EV_FSO_SPLIT_ROOT_PARAMS_UPDATED: {
      const { globalRoot, maxDepth, minDiskUsage, maxDiskUsage } = required(m, "fsoSplitRootParams");
      return { type: "splitRootParamsUpdated", globalRoot, maxDepth, minDiskUsage, maxDiskUsage };
    }
    case Type.EV_FSO_PATH_FLAG_SET:
      return { type: "pathFlagSet", ...pathFlags(m) };
    case Type.EV_FSO_PATH_FLAG_UNSET:
      return { type: "pathFlagUnset", ...pathFlags(m) };
    default:
      return toRootEvent(m) ?? toRepoEvent(m) ?? { type: "unknown", code: m.event };
  }
}

function toRootEvent(m: Message): RootEvent | undefined {
  switch (m.event) {
    case Type.EV_FSO_ROOT_ADDED:
      return { type: "rootAdded", ...wholeRoot(m) };
    case Type.EV_FSO_ROOT_UPDATED:
      return { type: "rootUpdated", ...wholeRoot(m) };
    case Type.EV_FSO_ROOT_REMOVED:
      return { type: "rootRemoved", globalRoot: required(m, "fsoRootInfo").globalRoot };
    case Type.EV_FSO_REPO_NAMING_UPDATED:
      return { type: "repoNamingUpdated", ...naming(m) };
    case Type.EV_FSO_REPO_NAMING_CONFIG_UPDATED:
      return { type: "repoNamingConfigUpdated", ...naming(m) };
    case Type.EV_FSO_REPO_INIT_POLICY_UPDATED: {
      const { globalRoot, policy, subdirTrackingGloblist } = required(m, "fsoRepoInitPolicy");
      const subdirTrackingGlobs = subdirTrackingGloblist.map((glob) => ({
        pattern: glob.pattern,
        subdirTracking: subdirTracking(glob.subdirTracking),
      }));
      return { type: "repoInitPolicyUpdated", globalRoot, policy: nameOf(initPolicies, policy), subdirTrackingGlobs };
    }
    case Type.EV_FSO_ROOT_ARCHIVE_RECIPIENTS_UPDATED:
      return { type: "rootArchiveRecipientsUpdated", ...recipients(m) };
    case Type.EV_FSO_ROOT_SHADOW_BACKUP_RECIPIENTS_UPDATED:
      return { type: "rootShadowBackupRecipientsUpdated", ...recipients(m) };
    case Type.EV_FSO_REPO_ACL_POLICY_UPDATED: {
      const info = required(m, "repoAclPolicy");
      return { type: "repoAclPolicyUpdated", policy: aclPolicy(info), globalRoot: info.fsoRootInfo?.globalRoot };
    }
    default:
      return undefined;
  }
}

function toRepoEvent(m: Message): RegistryRepoEvent | undefined {
  switch (m.event) {
    case Type.EV_FSO_REPO_ACCEPTED: {
      const { creatorName, creatorEmail } = required(m, "fsoRepoInfo");
      return { type: "repoAccepted", ...repo(m), creatorName, creatorEmail };
    }
    case Type.EV_FSO_REPO_ADDED:
      return { type: "repoAdded", ...repo(m), repoEventId: optionalUlidField(m, "repoEventId") };
    case Type.EV_FSO_REPO_REINIT_ACCEPTED:
      return { type: "repoReinitAccepted", ...repo(m), reason: m.fsoRepoReinitReason };
    case Type.EV_FSO_REPO_ENABLE_GITLAB_ACCEPTED:
      return {
        type: "repoEnableGitlabAccepted",
        repoId: uuidField(m, "repoId"),
        gitlabNamespace: m.gitlabNamespace,
      };
    case Type.EV_FSO_REPO_MOVE_ACCEPTED:
      return { type: "repoMoveAccepted", workflowId: uuidField(m, "workflowId"), ...repo(m) };
    case Type.EV_FSO_REPO_MOVED:
      return {
        type: "repoMoved",
        workflowId: uuidField(m, "workflowId"),
        repoEventId: ulidField(m, "repoEventId"),
        ...repo(m),
      };
    case Type.EV_FSO_SHADOW_REPO_MOVE_STARTED:
      return { type: "shadowRepoMoveStarted", repoEventId: ulidField(m, "repoEventId"), ...repoWorkflow(m) };
    case Type.EV_FSO_FREEZE_REPO_STARTED_2:
      return { type: "freezeRepoStarted", ...repoWorkflow(m) };
    case Type.EV_FSO_FREEZE_REPO_COMPLETED_2:
      return { type: "freezeRepoCompleted", ...repoWorkflow(m), statusCode: m.statusCode };
    case Type.EV_FSO_UNFREEZE_REPO_STARTED_2:
      return { type: "unfreezeRepoStarted", ...repoWorkflow(m) };
    case Type.EV_FSO_UNFREEZE_REPO_COMPLETED_2:
      return { type: "unfreezeRepoCompleted", ...repoWorkflow(m), statusCode: m.statusCode };
    case Type.EV_FSO_ARCHIVE_REPO_STARTED:
      return { type: "archiveRepoStarted", ...repoWorkflow(m) };
    case Type.EV_FSO_ARCHIVE_REPO_COMPLETED:
      return { type: "archiveRepoCompleted", ...repoWorkflow(m), statusCode: m.statusCode };
    case Type.EV_FSO_UNARCHIVE_REPO_STARTED:
      return { type: "unarchiveRepoStarted", ...repoWorkflow(m) };
    case Type.EV_FSO_UNARCHIVE_REPO_COMPLETED:
      return { type: "unarchiveRepoCompleted", ...repoWorkflow(m), statusCode: m.statusCode };
    default:
      return undefined;
  }
}

function pathFlags(m: Message): { path: string; flags: number } {
  const { path, flags } = required(m, "fsoPathFlag");
  return { path, flags };
}

function wholeRoot(m: Message): Root & { gitlabNamespace: string } {
  const info = required(m, "fsoRootInfo");
  return { ...root(info), gitlabNamespace: info.gitlabNamespace };
}

function naming(m: Message): { globalRoot: string; rule: string; config: readonly NamingField[] } {
  const { globalRoot, rule, config } = required(m, "fsoRepoNaming");
  return { globalRoot, rule, config: namingFields(config) };
}

function recipients(m: Message): { globalRoot: string; fingerprints: readonly string[] } {
  return { globalRoot: required(m, "fsoRootInfo").globalRoot, fingerprints: fingerprints(m) };
}

function repo(m: Message): Repo {
  const { id, globalPath } = required(m, "fsoRepoInfo");
  return { repoId: uuidIn(m, "fsoRepoInfo.id", id), globalPath };
}

function repoWorkflow(m: Message): RepoWorkflow {
  return { repoId: uuidField(m, "repoId"), workflowId: uuidField(m, "workflowId") };
}
