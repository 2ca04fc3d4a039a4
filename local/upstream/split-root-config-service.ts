import { posix } from "node:path";
import type { ServiceImpl } from "@connectrpc/connect";
import type { RegistryEvent } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import type { SplitRoot, SplitRootConfig } from "../../functions/nog/gen/nogfso/split-root_pb.ts";
import type { Access } from "./access.ts";
import type { Snapshot } from "./aggregate.ts";
import { checkVid } from "./begin-workflow.ts";
import type { Domain } from "./domain.ts";
import type { EventInit } from "./event-log.ts";
import { malformedPath, missingConfig, unknownRoot, wrapping } from "./fault.ts";
import { cleanPath } from "./global-path.ts";
import { registryHistory } from "./ids.ts";
import { pathFlagsBelow, setPathFlags, unsetPathFlags } from "./path-flags.ts";
import type { RegistryState } from "./registry.ts";
import { registryNamed } from "./registry-lookup.ts";
import { checkRegistryName } from "./request-field.ts";
import {
  createSplitRootConfig,
  deleteSplitRootConfig,
  type SplitRootParams,
  updateSplitRootConfig,
} from "./split-root-config.ts";
import { parseVid } from "./vid.ts";

type Methods = Pick<
  ServiceImpl<typeof SplitRoot>,
  | "createSplitRootConfig"
  | "getSplitRootConfig"
  | "updateSplitRootConfig"
  | "deleteSplitRootConfig"
  | "createSplitRootPathFlag"
  | "deleteSplitRootPathFlag"
  | "listSplitRootPathFlags"
>;

/**
 * The methods of service `nogfso.SplitRoot` that change the registry: configurations of roots and flags of paths, as in
 * nog 4450389 (backend/internal/nogfsoregd/registryd/split-root.go). Errors of the registry are Unknown "registry
 * error: …".
 */
export function splitRootConfigMethods(domain: Domain, access: Access): Methods {
  return {
    getSplitRootConfig(request, context) {
      const globalRoot = cleanPath(request.globalRoot);
      access.checkPath(context, "fso/read-root", globalRoot);
      const registry = checkedRegistry(domain, request.registry);
      if (!registry.state.roots.has(globalRoot)) throw unknownRoot();
      return configOf(registry, globalRoot);
    },

    createSplitRootConfig(request, context) {
      access.checkName(context, "fso/admin-registry", request.registry);
      return changeConfig(domain, request, createSplitRootConfig);
    },

    updateSplitRootConfig(request, context) {
      access.checkName(context, "fso/admin-registry", request.registry);
      return changeConfig(domain, request, updateSplitRootConfig);
    },

    deleteSplitRootConfig(request, context) {
      access.checkName(context, "fso/admin-registry", request.registry);
      checkRegistryName(request.registry);
      const globalRoot = cleanPath(request.globalRoot);
      const vid = parseVid(request.registryVid);
      return {
        registryVid: tellRegistry(domain, request.registry, vid, (state) => {
          checkRoot(state, globalRoot);
          return deleteSplitRootConfig(state.splitRootConfigs.get(globalRoot), globalRoot);
        }),
      };
    },

    createSplitRootPathFlag(request, context) {
      access.checkPath(context, "fso/admin-root", cleanPath(request.globalRoot));
      return changePathFlags(domain, request, setPathFlags);
    },

    deleteSplitRootPathFlag(request, context) {
      access.checkName(context, "fso/admin-registry", request.registry);
      return changePathFlags(domain, request, unsetPathFlags);
    },

    listSplitRootPathFlags(request, context) {
      const path = cleanPath(request.globalRoot);
      access.authenticate(context);
      access.authorizeAny({ action: "fso/read-root", path }, { action: "fso/exec-split-root", path });
      const registry = checkedRegistry(domain, request.registry);
      checkVid(registry, request.registryVid);
      return { registryVid: registry.vid, paths: pathFlagsBelow(registry.state.pathFlags, path) };
    },
  };
}

type ConfigChange = (
  known: SplitRootParams | undefined,
  globalRoot: string,
  asked: SplitRootParams,
) => EventInit<RegistryEvent>[];

function changeConfig(
  domain: Domain,
  request: {
    readonly registry: string;
    readonly registryVid: Uint8Array;
    readonly config?: SplitRootConfig | undefined;
  },
  change: ConfigChange,
) {
  const { registry, registryVid, config } = request;
  checkRegistryName(registry);
  const vid = parseVid(registryVid);
  if (!config) throw missingConfig();
  const globalRoot = cleanPath(config.globalRoot);
  tellRegistry(domain, registry, vid, (state) => {
    checkRoot(state, globalRoot);
    return change(state.splitRootConfigs.get(globalRoot), globalRoot, config);
  });
  return configOf(registryNamed(domain, registry), globalRoot);
}

function configOf(registry: Snapshot<RegistryState>, globalRoot: string) {
  const params = registry.state.splitRootConfigs.get(globalRoot);
  return { registryVid: registry.vid, config: { globalRoot, enabled: params !== undefined, ...params } };
}

function changePathFlags(
  domain: Domain,
  request: {
    readonly registry: string;
    readonly registryVid: Uint8Array;
    readonly globalRoot: string;
    readonly relativePath: string;
    readonly flags: number;
  },
  change: typeof setPathFlags,
): { registryVid: Uint8Array } {
  const { registry: name, registryVid, relativePath, flags } = request;
  const registry = checkedRegistry(domain, name);
  checkVid(registry, registryVid);
  const globalRoot = cleanPath(request.globalRoot);
  if (!registry.state.roots.has(globalRoot)) throw unknownRoot();
  const path = cleanPath(posix.join(globalRoot, relativePath));
  if (!path.startsWith(`${globalRoot}/`)) throw malformedPath();
  return {
    registryVid: tellRegistry(domain, name, registry.vid, (state) => change(state.pathFlags, path, flags)),
  };
}

/** Runs a command of an existing registry. */
function tellRegistry(
  domain: Domain,
  name: string,
  vid: Uint8Array,
  decide: (state: RegistryState) => EventInit<RegistryEvent>[],
): Uint8Array {
  registryNamed(domain, name);
  return wrapping("registry error: ", () => domain.registries.tell(registryHistory(name), vid, decide));
}

function checkedRegistry(domain: Domain, name: string): Snapshot<RegistryState> {
  checkRegistryName(name);
  return registryNamed(domain, name);
}

function checkRoot(state: RegistryState, globalRoot: string): void {
  if (!state.roots.has(globalRoot)) throw new Error("unknown root");
}
