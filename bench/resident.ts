import { setTimeout as sleep } from "node:timers/promises";

/**
 * Resident memory of this process (needs --expose-gc). Collects twice: objects released by finalizers in the first
 * collection are freed in the second.
 */
export async function residentBytes(): Promise<number> {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.();
    await sleep(500);
  }
  return process.memoryUsage.rss();
}
