import type { ConnectRouter } from "@connectrpc/connect";
import { LiveBroadcast } from "../../functions/nog/gen/nogfso/broadcast_pb.ts";
import { FreezeRepo, RegistryFreezeRepo, ReposFreezeRepo } from "../../functions/nog/gen/nogfso/freeze-repo_pb.ts";
import { PingRegistry } from "../../functions/nog/gen/nogfso/ping-registry_pb.ts";
import { DiskUsage, EphemeralRegistry, Registry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { SplitRoot } from "../../functions/nog/gen/nogfso/split-root_pb.ts";
import type { Access } from "./access.ts";
import { diskUsageService } from "./du-service.ts";
import type { StreamSettings } from "./event-stream.ts";
import { freezeRepoService } from "./freeze-repo-service.ts";
import { liveBroadcastService } from "./live-broadcast.ts";
import { pingRegistryService } from "./ping-service.ts";
import { registryFreezeService } from "./registry-freeze-service.ts";
import { registryQueries } from "./registry-queries.ts";
import { ephemeralRegistryService, registryStreams } from "./registry-streams.ts";
import { repoFreezeService } from "./repo-freeze-service.ts";
import { repoQueries } from "./repo-queries.ts";
import { repoStreams } from "./repo-streams.ts";
import type { SignalLoss } from "./signal-set.ts";
import { splitRootService } from "./split-root-service.ts";

export interface RouteOptions extends StreamSettings {
  readonly access: Access;
  readonly signalLoss: SignalLoss;
}

/** The services of the upstream; other methods answer Unimplemented. */
export function routes(options: RouteOptions): (router: ConnectRouter) => void {
  const { domain, calls, access, signalLoss } = options;
  return (router) => {
    router
      .service(Registry, { ...registryQueries(domain, access), ...registryStreams(options, access) })
      .service(EphemeralRegistry, ephemeralRegistryService(options, access))
      .service(Repos, { ...repoQueries(domain, access), ...repoStreams(options, access) })
      .service(LiveBroadcast, liveBroadcastService(domain, access, calls, signalLoss))
      .service(PingRegistry, pingRegistryService(domain, access, calls))
      .service(DiskUsage, diskUsageService(domain, access, calls))
      .service(SplitRoot, splitRootService(domain, access, calls))
      .service(FreezeRepo, freezeRepoService(domain, access, calls))
      .service(RegistryFreezeRepo, registryFreezeService(domain, access))
      .service(ReposFreezeRepo, repoFreezeService(domain, access));
  };
}
