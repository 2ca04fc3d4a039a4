import type { ServiceImpl } from "@connectrpc/connect";
import type { Registry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import type { Access } from "./access.ts";
import type { Domain } from "./domain.ts";
import { cleanPath } from "./global-path.ts";
import { reposBelow } from "./registry.ts";
import { registryNamed } from "./registry-lookup.ts";
import { checkRegistryName } from "./request-field.ts";

/** The queries of service `nogfso.Registry`. */
export function registryQueries(domain: Domain, access: Access): Pick<ServiceImpl<typeof Registry>, "getRepos"> {
  return {
    getRepos({ registry, globalPathPrefix }, context) {
      access.checkName(context, "fso/read-registry", registry);
      checkRegistryName(registry);
      const { state, vid } = registryNamed(domain, registry);
      const repos = reposBelow(state, globalPathPrefix === "" ? undefined : cleanPath(globalPathPrefix));
      return {
        registry,
        vid,
        repos: repos.map(({ id, globalPath, added }) => ({ id, globalPath, confirmed: added })),
      };
    },
  };
}
