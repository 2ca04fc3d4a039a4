import { createClient } from "@connectrpc/connect";
import { RepoEvent_Type, Repos } from "../functions/nog/gen/nogfso/repos_pb.ts";
import { uuidBytes } from "../functions/nog/index.ts";
import { connectUpstream } from "../functions/upstream/connection.ts";
import { arrivalOf, repoIds } from "./latency-events.ts";

/** The role of the floor's process: connect's own client with a loop for each stream. */
export async function watchArrivals([baseUrl = ""]: readonly string[]): Promise<void> {
  const client = createClient(Repos, connectUpstream({ baseUrl, protocol: "grpc" }).transport);
  const watch = async (repoId: string) => {
    for await (const { events } of client.events({ repo: uuidBytes(repoId, "repoId"), watch: true })) {
      for (const { event, fsoRepoErrorMessage } of events) {
        if (event === RepoEvent_Type.EV_FSO_REPO_ERROR_SET) process.stdout.write(`${arrivalOf(fsoRepoErrorMessage)}\n`);
      }
    }
  };
  await Promise.all(repoIds.map(watch));
}
