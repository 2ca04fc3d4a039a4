import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Figure } from "./report.ts";

/** Used heap after garbage collection, in bytes. */
export function heapInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  return process.memoryUsage().heapUsed;
}

/**
 * Retained heap per item in KB, with a bound. The bound includes an allowance for what exists once: the processes of
 * the functions and the code.
 */
export function heapForEach(what: string, bytes: number, count: number, max: number): Figure {
  return { what: `KB of heap ${what}`, value: bytes / count / 1024, max: max + onceKb / count };
}

const onceKb = 12_000;

/** Resources used by this process so far. */
export function resources(): Figure[] {
  const { user, system } = process.cpuUsage();
  return [
    { what: "peak memory, in MB", value: process.resourceUsage().maxRSS / 1024 },
    { what: "seconds of CPU time", value: (user + system) / 1e6 },
  ];
}
