import type { HandlerContext } from "@connectrpc/connect";
import type { FsoRepoInitInfo } from "../../functions/nog/gen/nogfso/repo-init_pb.ts";
import type { Access, Action } from "./access.ts";
import type { Snapshot } from "./aggregate.ts";
import type { Domain } from "./domain.ts";
import { unknownRepo, wrapping } from "./fault.ts";
import { idKey } from "./ids.ts";
import type { RegistryRepo, RegistryState } from "./registry.ts";
import { registryNamed } from "./registry-lookup.ts";
import type { RepoState } from "./repo.ts";
import { checkRegistryName, parseRepoId } from "./request-field.ts";

/**
 * The repo that a request names, if its caller may do `action` at the repo's path. Throws Unknown "repos error:
 * uninitialized repo", InvalidArgument and any error of `access`.
 */
export function checkedRepo(
  domain: Domain,
  access: Access,
  context: HandlerContext,
  action: Action,
  field: Uint8Array,
): { readonly id: Uint8Array; readonly repo: Snapshot<RepoState & { info: FsoRepoInitInfo }> } {
  access.authenticate(context);
  const id = parseRepoId(field);
  const repo = wrapping("repos error: ", () => domain.repos.find(id));
  access.authorize({ action, path: repo.state.info.globalPath });
  return { id, repo };
}

/**
 * As {@link checkedRepo}, but returns the repo of the registry. Throws NotFound "unknown repo" if it belongs to another
 * registry.
 */
export function checkedRegistryRepo(
  domain: Domain,
  access: Access,
  context: HandlerContext,
  action: Action,
  request: { readonly registry: string; readonly repo: Uint8Array },
): { readonly registry: Snapshot<RegistryState>; readonly repo: RegistryRepo } {
  access.authenticate(context);
  const id = parseRepoId(request.repo);
  checkRegistryName(request.registry);
  const registry = registryNamed(domain, request.registry);
  const repo = registry.state.repos.get(idKey(id));
  if (!repo) throw unknownRepo();
  access.authorize({ action, path: repo.globalPath });
  return { registry, repo };
}
