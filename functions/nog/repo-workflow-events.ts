import { type RepoLocation, repoLocation, required, type UnknownEvent, ulidField, uuidField } from "./event-fields.ts";
import { type WorkflowEvent as Message, WorkflowEvent_Type as Type } from "./gen/nogfso/workflows_pb.ts";

/** Events of a repo's workflows: moving the repo, or only its shadow. UUIDs and event ids are text. */
export type RepoWorkflowEvent =
  | {
      readonly type: "repoMoveStarted";
      readonly repoId: string;
      readonly repoEventId: string;
      readonly from: RepoLocation;
      readonly fromShadowPath: string;
      readonly to: RepoLocation;
    }
  | { readonly type: "repoMoveStaReleased" }
  | { readonly type: "repoMoveAppAccepted" }
  | ({ readonly type: "repoMoved"; readonly repoId: string; readonly shadowPath: string } & RepoLocation)
  | { readonly type: "repoMoveCommitted" }
  | { readonly type: "shadowRepoMoveStarted"; readonly repoId: string; readonly repoEventId: string }
  | { readonly type: "shadowRepoMoveStaDisabled" }
  | { readonly type: "shadowRepoMoved"; readonly repoId: string }
  | { readonly type: "shadowRepoMoveCommitted" }
  | UnknownEvent;

export function toRepoWorkflowEvent(m: Message): RepoWorkflowEvent {
  switch (m.event) {
    case Type.EV_FSO_REPO_MOVE_STARTED:
      return {
        type: "repoMoveStarted",
        repoId: uuidField(m, "repoId"),
        repoEventId: ulidField(m, "repoEventId"),
        from: repoLocation(required(m, "fsoRepoInitInfo")),
        fromShadowPath: required(m, "fsoShadowRepoInfo").shadowPath,
        to: repoLocation(required(m, "newFsoRepoInitInfo")),
      };
    case Type.EV_FSO_REPO_MOVE_STA_RELEASED:
      return { type: "repoMoveStaReleased" };
    case Type.EV_FSO_REPO_MOVE_APP_ACCEPTED:
      return { type: "repoMoveAppAccepted" };
    case Type.EV_FSO_REPO_MOVED:
      return {
        type: "repoMoved",
        repoId: uuidField(m, "repoId"),
        ...repoLocation(required(m, "fsoRepoInitInfo")),
        shadowPath: required(m, "fsoShadowRepoInfo").shadowPath,
      };
    case Type.EV_FSO_REPO_MOVE_COMMITTED:
      return { type: "repoMoveCommitted" };
    case Type.EV_FSO_SHADOW_REPO_MOVE_STARTED:
      return {
        type: "shadowRepoMoveStarted",
        repoId: uuidField(m, "repoId"),
        repoEventId: ulidField(m, "repoEventId"),
      };
    case Type.EV_FSO_SHADOW_REPO_MOVE_STA_DISABLED:
      return { type: "shadowRepoMoveStaDisabled" };
    case Type.EV_FSO_SHADOW_REPO_MOVED:
      return { type: "shadowRepoMoved", repoId: uuidField(m, "repoId") };
    case Type.EV_FSO_SHADOW_REPO_MOVE_COMMITTED:
      return { type: "shadowRepoMoveCommitted" };
    default:
      return { type: "unknown", code: m.event };
  }
}
