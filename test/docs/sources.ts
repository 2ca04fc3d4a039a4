import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "./regions.ts";

export interface Source {
  /** From the root of the project. */
  readonly file: string;
  readonly text: string;
}

/** The sources below a folder that are written by hand. */
export function sourcesIn(folder: string): Source[] {
  return readdirSync(join(project, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ts|tsx|mjs|yml)$/.test(name) && !/(^|\/)(node_modules|gen|\.build)\//.test(name))
    .map((name) => `${folder}/${name}`)
    .map((file) => ({ file, text: readFileSync(join(project, file), "utf8") }));
}
