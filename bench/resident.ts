import { setTimeout as sleep } from "node:timers/promises";

/** What this process holds (--expose-gc). After two collections: what finalizers let go of in the first one goes in the second. */
export async function residentBytes(): Promise<number> {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.();
    await sleep(500);
  }
  return process.memoryUsage.rss();
}
