import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Figure } from "./report.ts";

/** What is in use once all that can go is gone, in bytes. */
export function heapInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  return process.memoryUsage().heapUsed;
}

/**
 * Heap that came to stay, for each of many things, in KB, held against so many. What there is once, the processes of
 * the functions and the code, is allowed for.
 */
export function heapForEach(what: string, bytes: number, count: number, most: number): Figure {
  return { what: `KB of heap ${what}`, value: bytes / count / 1024, most: most + onceKb / count };
}

const onceKb = 12_000;

/** What this process has used so far. */
export function resources(): Figure[] {
  const { user, system } = process.cpuUsage();
  return [
    { what: "peak of memory, in MB", value: process.resourceUsage().maxRSS / 1024 },
    { what: "seconds of processor time", value: (user + system) / 1e6 },
  ];
}
