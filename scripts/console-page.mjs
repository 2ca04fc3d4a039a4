import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "./install.mjs";

/** The packages in the page, whose licences must be included. */
const bundled = ["preact", "uplot"];

/** Builds the console's page into a folder: `page.js`, `page.css`, and the licences of its packages. */
export async function buildPage(folder) {
  const { build } = await import("esbuild");
  await build({
    absWorkingDir: project,
    entryPoints: [
      { in: "console/page/main.tsx", out: "page" },
      { in: "console/page/page.css", out: "page" },
    ],
    outdir: folder,
    bundle: true,
    minify: true,
    format: "esm",
    target: ["chrome120", "firefox120", "safari17"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    banner: { js: `/* with ${bundled.join(" and ")}: licences.txt */` },
    logLevel: "warning",
  });
  writeFileSync(join(folder, "licences.txt"), bundled.map(licence).join("\n"));
}

function licence(name) {
  const folder = join(project, "node_modules", name);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return `${name} ${version}\n\n${readFileSync(join(folder, "LICENSE"), "utf8")}`;
}

if (process.argv[1]?.endsWith("console-page.mjs")) await buildPage(process.argv[2]);
