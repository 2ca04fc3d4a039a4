import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { FsoPathFlag_Flag, FsoSplitRootDecision_Decision } from "../../functions/nog/gen/nogfso/root-info_pb.ts";
import {
  type AppendSplitRootDecisionsI,
  type AppendSplitRootDecisionsO,
  AppendSplitRootDecisionsO_EffectSchema,
  AppendSplitRootDecisionsOSchema,
  AppendSplitRootDecisionsI_Decision as Decision,
} from "../../functions/nog/gen/nogfso/split-root_pb.ts";
import type { Access } from "./access.ts";
import type { Snapshot } from "./aggregate.ts";
import type { Domain } from "./domain.ts";
import { pathNotCandidate, pathOutsideRoot, unimplementedDecision, versionConflict, wrapping } from "./fault.ts";
import { cleanPath, isEqualOrBelow } from "./global-path.ts";
import { equalIds } from "./ids.ts";
import { initRepo } from "./init-repo.ts";
import { setPathFlags } from "./path-flags.ts";
import { repoAt } from "./registry.ts";
import { registryOf } from "./registry-lookup.ts";
import { ofSplitRoot } from "./split-root.ts";
import type { SplitRootState } from "./split-root-state.ts";
import { noVersionCheck, parseVid } from "./vid.ts";

/**
 * Applies decisions on candidates one after the other: each decision first changes the registry and is then recorded as
 * an event of the workflow. All paths and scopes are checked before the first. The version is checked early,
 * FailedPrecondition.
 */
export function appendDecisions(
  domain: Domain,
  access: Access,
  id: Uint8Array,
  workflow: Snapshot<SplitRootState>,
  request: AppendSplitRootDecisionsI,
): AppendSplitRootDecisionsO {
  const { state, vid: currentVid } = workflow;
  const { registryId, root } = state;
  const globalRoot = root?.globalRoot ?? "";
  const registry = () => registryOf(domain, registryId);
  const { name } = registry().state;

  const decisions = request.paths.map(({ path: field, decision }) => {
    const path = cleanPath(field);
    if (!isEqualOrBelow(path, globalRoot)) throw pathOutsideRoot();
    const relativePath = path === globalRoot ? "." : path.slice(globalRoot.length + 1);
    if (!state.candidates.has(relativePath)) throw pathNotCandidate();
    if (decision === Decision.D_CREATE_REPO) access.authorize({ action: "fso/init-repo", path });
    return { path, relativePath, decision };
  });
  const asked = parseVid(request.workflowVid);
  if (!equalIds(asked, noVersionCheck) && !equalIds(asked, currentVid)) throw versionConflict();

  const result = create(AppendSplitRootDecisionsOSchema, { workflowVid: currentVid });
  const append = (relativePath: string, decision: FsoSplitRootDecision_Decision) => {
    result.workflowVid = ofSplitRoot(() => domain.splitRoots.appendDecision(id, relativePath, decision));
    return { workflowVid: result.workflowVid };
  };
  const addEffect = (effect: MessageInitShape<typeof AppendSplitRootDecisionsO_EffectSchema>) =>
    result.effects.push(create(AppendSplitRootDecisionsO_EffectSchema, effect));
  for (const { path, relativePath, decision } of decisions) {
    switch (decision) {
      case Decision.D_CREATE_REPO: {
        const known = repoAt(registry().state, path);
        const repoId = known?.id ?? createRepo(domain, name, path, request);
        const registryVid = registry().vid;
        addEffect({ path, repoId, registryVid, ...append(relativePath, FsoSplitRootDecision_Decision.D_CREATE_REPO) });
        break;
      }
      case Decision.D_NEVER_SPLIT: {
        const registryVid = wrapping("registry error: ", () =>
          domain.registries.tell(registryId, noVersionCheck, ({ pathFlags }) =>
            setPathFlags(pathFlags, path, FsoPathFlag_Flag.PF_DONT_SPLIT),
          ),
        );
        addEffect({ path, registryVid, ...append(relativePath, FsoSplitRootDecision_Decision.D_NEVER_SPLIT) });
        break;
      }
      case Decision.D_IGNORE_ONCE:
        addEffect({ path, ...append(relativePath, FsoSplitRootDecision_Decision.D_IGNORE_ONCE) });
        break;
      default:
        throw unimplementedDecision();
    }
  }
  result.registryVid = registry().vid;
  return result;
}

/** Throws Unknown "registry error: …". */
function createRepo(
  domain: Domain,
  registry: string,
  globalPath: string,
  { creatorName, creatorEmail }: AppendSplitRootDecisionsI,
): Uint8Array {
  return wrapping("registry error: ", () => {
    if (creatorName === "") throw new Error("missing creator name");
    if (creatorEmail === "") throw new Error("missing creator email");
    return initRepo(domain, registry, { globalPath, creatorName, creatorEmail });
  });
}
