import { RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { startUpstream } from "../../local/upstream/server.ts";
import { registry, repoPath, root } from "./plan.ts";

/*
 * The upstream of a torture: the reference server in its own process, with its journal on disk. It commits events on its
 * parent's orders, and ends with its parent.
 *
 *     upstream.mjs DATA-DIR PORT REPOS
 */

export type UpstreamOrder =
  | { readonly type: "commit"; readonly repo: number; readonly events: number }
  | { readonly type: "addRepo"; readonly repo: number }
  | { readonly type: "sync" };

/** "synced": the journal has the results of all earlier orders. */
export type UpstreamAnswer = { readonly type: "ready"; readonly grpcUrl: string } | { readonly type: "synced" };

const answer = (message: UpstreamAnswer) => process.connected && process.send?.(message);
const [dataDir = "", port, repos] = process.argv.slice(2);
const token = process.env.TORTURE_TOKEN ?? "";
const upstream = await startUpstream({ dataDir, port: Number(port), token });
const ids = new Map<number, Uint8Array>();
upstream.seed.initRegistry(registry);
upstream.seed.initRoot(registry, { globalRoot: root, host: "localhost", hostRoot: root });

/** Adds a repo, or only looks up the id of an existing one; finishes the work of a killed process. */
function addRepo(repo: number): void {
  ids.set(repo, upstream.seed.initRepo(registry, { globalPath: repoPath(repo) }));
}

function commit(repo: number, events: number): void {
  const id = ids.get(repo);
  if (!id) return;
  const before = upstream.journal.read(id).length;
  upstream.seed.appendRepoEvents(
    id,
    Array.from({ length: events }, (_, i) => ({
      event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET,
      // The number of the event in the history.
      fsoRepoErrorMessage: String(before + i + 1),
    })),
  );
}

for (let repo = 0; repo < Number(repos); repo++) addRepo(repo);
process.on("message", (order: UpstreamOrder) => {
  if (order.type === "addRepo") addRepo(order.repo);
  if (order.type === "commit") commit(order.repo, order.events);
  if (order.type === "sync") answer({ type: "synced" });
});
process.once("disconnect", () => void upstream.close());
answer({ type: "ready", grpcUrl: upstream.grpcUrl });
