import { fileURLToPath } from "node:url";
import { defineConfig, mergeConfig } from "vitest/config";
import tests from "../../vitest.config.ts";
import { mutants } from "./all.ts";
import { mutated } from "./mutant.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const mutant = mutants.find(({ what }) => what === process.env.TAILWAKE_MUTANT);

/** The tests, of a program that is mutated where the mutant that the environment names says so. */
export default mergeConfig(
  tests,
  defineConfig({
    root: project,
    plugins: [
      {
        name: "mutant",
        enforce: "pre",
        transform: (code: string, id: string) =>
          mutant && id === `${project}${mutant.file}` ? mutated(code, mutant) : undefined,
      },
    ],
  }),
);
