import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const project = fileURLToPath(new URL("../..", import.meta.url));

const sampleFolders = ["docs/samples", "examples/orders/src"];

/** The fenced blocks of a Markdown file in a language, without the fences. */
export function blocksOf(file: string, language: string): string[] {
  const text = readFileSync(join(project, file), "utf8");
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, named, block]) =>
    named === language && block !== undefined ? [block] : [],
  );
}

/** The sample files, and the regions in them, as a document may show them: outdented, without the marks. */
export function sampleTexts(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const folder of sampleFolders) {
    for (const name of readdirSync(join(project, folder)).filter((file) => file.endsWith(".ts"))) {
      const text = readFileSync(join(project, folder, name), "utf8");
      found.set(`${folder}/${name}`, text);
      for (const [, indent = "", region, body = ""] of text.matchAll(
        /^( *)\/\/ #region (\S+)\n(.*?)^ *\/\/ #endregion \2$/gms,
      )) {
        found.set(`${folder}/${name}#${region}`, body.replaceAll(new RegExp(`^${indent}`, "gm"), ""));
      }
    }
  }
  return found;
}
