import { isServerError, isThrottlingError, isTransientError } from "@smithy/core/retry";
import type { Clock } from "../foundation/clock.ts";

const firstWaitMs = 100;
const maxWaitMs = 5_000;

/**
 * Whether a request to AWS that failed may succeed if it is sent again: it was throttled, the service failed, or nobody
 * answered. By then the SDK has given up after a few attempts, within some seconds.
 */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const failed = error as Parameters<typeof isThrottlingError>[0];
  return isThrottlingError(failed) || isTransientError(failed) || isServerError(failed);
}

/**
 * Sends a request until it is answered, with waits that double up to 5 s, while its error may pass. Throws the last error
 * if the next try would be after `until`, in milliseconds since 1970. The request may have been carried out before: repeat
 * only what recognises that (protocol rule 5).
 */
export async function persist<T>(
  { clock, random }: { readonly clock: Clock; random(): number },
  until: number,
  request: () => Promise<T>,
  onFailure: (error: unknown) => void = () => {},
): Promise<T> {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(maxWaitMs, waitMs * 2)) {
    try {
      return await request();
    } catch (error) {
      const pauseMs = waitMs * (0.5 + random() / 2);
      if (!mayPass(error) || clock.now() + pauseMs >= until) throw error;
      onFailure(error);
      await clock.sleep(pauseMs);
    }
  }
}
