import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { ReposFreezeRepo } from "../../functions/nog/gen/nogfso/freeze-repo_pb.ts";
import type { RepoEvent } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { Access } from "./access.ts";
import type { Domain } from "./domain.ts";
import type { EventInit } from "./event-log.ts";
import { wrapping } from "./fault.ts";
import type { RepoState } from "./repo.ts";
import { checkedRepo } from "./repo-access.ts";
import { abortRepoFreeze, beginRepoFreeze, commitRepoFreeze } from "./repo-freeze.ts";
import { parseWorkflowId } from "./request-field.ts";
import { parseVid } from "./vid.ts";

interface Request {
  readonly repo: Uint8Array;
  readonly repoVid: Uint8Array;
  readonly workflow: Uint8Array;
}

type Decide = (state: RepoState, workflowId: Uint8Array) => EventInit<RepoEvent>[];

/**
 * Service `nogfso.ReposFreezeRepo` as in nog 4450389 (backend/internal/nogfsoregd/reposd/freeze-repo.go): errors of the
 * repo are Unknown "repos error: …". nog serves it only to its own processes.
 */
export function repoFreezeService(domain: Domain, access: Access): Partial<ServiceImpl<typeof ReposFreezeRepo>> {
  function tell(request: Request, context: HandlerContext, decide: Decide): { repoVid: Uint8Array } {
    const { id } = checkedRepo(domain, access, context, "fso/exec-freeze-repo", request.repo);
    const vid = parseVid(request.repoVid);
    const workflowId = parseWorkflowId(request.workflow);
    const repoVid = wrapping("repos error: ", () => domain.repos.tell(id, vid, (state) => decide(state, workflowId)));
    return { repoVid };
  }

  return {
    reposBeginFreezeRepo: (request, context) => tell(request, context, beginRepoFreeze),
    reposCommitFreezeRepo: (request, context) => tell(request, context, commitRepoFreeze),
    reposAbortFreezeRepo: (request, context) =>
      tell(request, context, (state, workflowId) => abortRepoFreeze(state, workflowId, request)),
  };
}
