import { defineProcessor } from "../contract/activity.ts";
import { caughtUp } from "../contract/outcome.ts";
import type { Tail } from "../contract/tail.ts";
import { forEachBounded } from "./bounded.ts";
import { type RegistryActivity, registry } from "./registry.ts";
import { watchRepo } from "./watch-repo.ts";

const startsAtOnce = 16;
/** Start the repos and advance the tail after at most this many. */
const reposPerAdvance = 256;

/**
 * Starts `watch-repo` for each repo of a registry.
 *
 * Source: nog 4450389, backend/internal/nogfsostad/observer6/registry.go. It does not follow moves between
 * registries.
 */
export const observeRegistry: RegistryActivity = defineProcessor(registry, {
  name: "observe-registry",
  async processEvents(run, stream) {
    let tail: Tail = run.tail;
    let added: string[] = [];
    const startAdded = async (): Promise<void> => {
      await forEachBounded(added, startsAtOnce, (repoId) => run.start(watchRepo, { repoId }));
      added = [];
      run.advance(tail);
    };
    for await (const { id, event } of stream) {
      if (event.type === "repoAdded") added.push(event.repoId);
      tail = id;
      if (added.length >= reposPerAdvance) await startAdded();
    }
    await startAdded();
    return caughtUp(tail);
  },
});
