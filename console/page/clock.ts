import { useEffect, useState } from "preact/hooks";

/** The server's clock: what it says of a time, and what is shown of it, are by the same one. */
let aheadMs = 0;

export function setClock(serverNow: number): void {
  aheadMs = serverNow - Date.now();
}

export const now = (): number => Date.now() + aheadMs;

const ticking = new Set<() => void>();
setInterval(() => {
  for (const tick of ticking) tick();
}, 1_000);

/** The time, and each second a later one. */
export function useNow(): number {
  const [time, setTime] = useState(now);
  useEffect(() => {
    const tick = () => setTime(now());
    ticking.add(tick);
    return () => void ticking.delete(tick);
  }, []);
  // What has come meanwhile is never ahead of what is shown.
  return Math.max(time, now() - 1_000);
}
