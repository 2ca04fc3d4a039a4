import { asleep } from "./kills.ts";
import { completingEvent, steadyRepos } from "./plan.ts";
import type { World } from "./world.ts";

const commitGapMs = 200;
const addGapMs = 4_000;
/** More repos would add streams and records, but no other kind of fault. */
const maxRepos = 40;

/** Commits events and adds repos until the signal aborts. Orders to a dead upstream are lost. */
export async function loadUntil(world: World, random: () => number, signal: AbortSignal): Promise<void> {
  let addAt = performance.now() + addGapMs;
  while (!signal.aborted) {
    await asleep(2 * random() * commitGapMs, signal);
    const all = random() < 0.3;
    const repo = Math.floor(random() * (all ? world.repos : steadyRepos));
    world.upstream?.order({ type: "commit", repo, events: 1 + Math.floor(random() * 3) });
    if (performance.now() < addAt || world.repos >= maxRepos) continue;
    addAt += addGapMs;
    world.upstream?.order({ type: "addRepo", repo: world.repos++ });
  }
}

/**
 * Commits events for every repo, so that each child gets the event at which it completes. Resolves when they are in the
 * journal.
 */
export async function commitToAll(world: World): Promise<void> {
  for (let repo = 0; repo < world.repos; repo++) {
    world.upstream?.order({ type: "addRepo", repo });
    world.upstream?.order({ type: "commit", repo, events: completingEvent });
  }
  await world.synced();
}
