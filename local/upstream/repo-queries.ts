import type { ServiceImpl } from "@connectrpc/connect";
import type { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { Access } from "./access.ts";
import type { Domain } from "./domain.ts";
import { checkedRepo } from "./repo-access.ts";

/** The queries of service `nogfso.Repos`. This server has no GitLab, archive or backup of a repo. */
export function repoQueries(domain: Domain, access: Access): Pick<ServiceImpl<typeof Repos>, "getRepo"> {
  return {
    getRepo(request, context) {
      const { repo } = checkedRepo(domain, access, context, "fso/read-repo", request.repo);
      const { info, shadow, errorMessage, tier } = repo.state;
      return {
        repo: request.repo,
        vid: repo.vid,
        registry: info.registry,
        globalPath: info.globalPath,
        file: `${info.fileHost}:${info.hostPath}`,
        shadow: shadow ? `${info.fileHost}:${shadow.shadowPath}` : "",
        errorMessage,
        storageTier: tier,
      };
    },
  };
}
