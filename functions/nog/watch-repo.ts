import { defineProcessor } from "../contract/activity.ts";
import { caughtUp, completed } from "../contract/outcome.ts";
import type { Tail } from "../contract/tail.ts";
import { type RepoActivity, repo } from "./repo.ts";

/** Follows a repo until its Git repo exists: a minimal activity. */
export const watchRepo: RepoActivity = defineProcessor(repo, {
  name: "watch-repo",
  async processEvents(run, stream) {
    let tail: Tail = run.tail;
    for await (const { id, event } of stream) {
      if (event.type === "initStarted") {
        run.log.info("repo init started", { repoId: run.address.repoId, path: event.globalPath });
      }
      if (event.type === "gitCreated") return completed(id);
      tail = id;
      run.advance(tail);
    }
    return caughtUp(tail);
  },
});
