import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { RegistryFreezeRepo } from "../../functions/nog/gen/nogfso/freeze-repo_pb.ts";
import type { RegistryEvent } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import type { Access } from "./access.ts";
import type { Domain } from "./domain.ts";
import type { EventInit } from "./event-log.ts";
import { wrapping } from "./fault.ts";
import { registryHistory } from "./ids.ts";
import type { RegistryState } from "./registry.ts";
import { beginRegistryFreeze, endRegistryFreeze } from "./registry-freeze.ts";
import { checkedRegistryRepo } from "./repo-access.ts";
import { parseWorkflowId } from "./request-field.ts";
import { parseVid } from "./vid.ts";

interface Request {
  readonly registry: string;
  readonly registryVid: Uint8Array;
  readonly repo: Uint8Array;
  readonly workflow: Uint8Array;
}

type Decide = (state: RegistryState, repoId: Uint8Array, workflowId: Uint8Array) => EventInit<RegistryEvent>[];

/**
 * Service `nogfso.RegistryFreezeRepo` as in nog 4450389 (backend/internal/nogfsoregd/registryd/freeze-repo.go): errors
 * of the registry are Unknown "registry error: …". nog serves it only to its own processes.
 */
export function registryFreezeService(domain: Domain, access: Access): Partial<ServiceImpl<typeof RegistryFreezeRepo>> {
  function tell(request: Request, context: HandlerContext, decide: Decide): { registryVid: Uint8Array } {
    const { repo } = checkedRegistryRepo(domain, access, context, "fso/exec-freeze-repo", request);
    const vid = parseVid(request.registryVid);
    const workflowId = parseWorkflowId(request.workflow);
    const id = registryHistory(request.registry);
    const registryVid = wrapping("registry error: ", () =>
      domain.registries.tell(id, vid, (state) => decide(state, repo.id, workflowId)),
    );
    return { registryVid };
  }

  return {
    registryBeginFreezeRepo: (request, context) => tell(request, context, beginRegistryFreeze),
    registryCommitFreezeRepo: (request, context) => tell(request, context, (...args) => endRegistryFreeze(...args, 0)),
    registryAbortFreezeRepo: (request, context) =>
      tell(request, context, (...args) => endRegistryFreeze(...args, request.statusCode)),
  };
}
