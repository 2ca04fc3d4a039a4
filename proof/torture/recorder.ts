import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Line } from "./recording.ts";

const file = openSync(join(process.env.TORTURE_RECORDINGS ?? ".", `${Date.now()}-${process.pid}`), "a");

/** Writes a line before it returns. The kernel has it then: it is there however this process ends. */
export function record(line: Line): void {
  writeSync(file, `${JSON.stringify(line)}\n`);
}
