import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, mergeConfig, type Plugin } from "vitest/config";
import tests from "../../../vitest.config.ts";
import { asItIs, changedFile, definitions } from "./sources.ts";

const project = fileURLToPath(new URL("../../..", import.meta.url));
/** Which mutant, as JSON; tests of the program as it is if it is not there. */
const { TAILWAKE_MUTANT: chosen } = process.env;

function mutating(json: string): Plugin {
  const { file, isReplaced, text } = changedFile(JSON.parse(json));
  const path = `${project}${file}`;
  return {
    name: "mutant",
    enforce: "pre",
    resolveId(source, importer = "") {
      if (!isReplaced || !source.startsWith(".")) return undefined;
      if (source.endsWith(asItIs)) return `${path}${asItIs}`;
      const isDefinition = importer.startsWith(`${project}${definitions}`);
      return isDefinition && posix.join(posix.dirname(importer), source) === path ? `${path}${asItIs}` : undefined;
    },
    transform: (real, id) => (id === path ? text(real) : undefined),
  };
}

/** The tests, of a program that is mutated as the environment says. */
export default mergeConfig(
  tests,
  defineConfig({ root: project, plugins: chosen === undefined ? [] : [mutating(chosen)] }),
);
