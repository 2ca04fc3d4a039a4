import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { bundleFunctions, zipFunctions } from "./bundle.ts";

/** Bundles and zips the functions of a project. Returns the text to print: each zip with its sizes. */
export async function packageFunctions(
  project: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<string> {
  const files = await readdir(join(project, from)).catch(() => []);
  const sources = files.filter((file) => /\.[mc]?[jt]s$/.test(file) && !file.endsWith(".d.ts"));
  if (sources.length === 0) {
    throw new Error(`${from}: expected a source file for each function, found ${files.length} other files`);
  }
  const entries = Object.fromEntries(sources.map((file) => [basename(file).replace(/\.\w+$/, ""), join(from, file)]));
  const bundles = join(project, ".build", "functions");
  const sizes = await bundleFunctions(project, entries, bundles);
  const zips = Object.entries(await zipFunctions(bundles, join(project, to)));
  return zips
    .map(([name, bytes]) => `${join(to, `${name}.zip`)}  ${bytes} bytes, of ${sizes[name]?.bytes} unzipped\n`)
    .join("");
}
