import { useEffect, useState } from "preact/hooks";

/** The server's clock, so that times and their distances come from the same clock. */
let aheadMs = 0;

export function setClock(serverNow: number): void {
  aheadMs = serverNow - Date.now();
}

export const now = (): number => Date.now() + aheadMs;

const ticking = new Set<() => void>();
setInterval(() => {
  for (const tick of ticking) tick();
}, 1_000);

/** The current time, updated every second. */
export function useNow(): number {
  const [time, setTime] = useState(now);
  useEffect(() => {
    const tick = () => setTime(now());
    ticking.add(tick);
    return () => void ticking.delete(tick);
  }, []);
  // Never show a time before the newest data.
  return Math.max(time, now() - 1_000);
}
