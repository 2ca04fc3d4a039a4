import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Line } from "./recording.ts";

const file = openSync(join(process.env.TORTURE_RECORDINGS ?? ".", `${Date.now()}-${process.pid}`), "a");

/** Writes a line synchronously. The kernel then has it, however this process ends. */
export function record(line: Line): void {
  writeSync(file, `${JSON.stringify(line)}\n`);
}
