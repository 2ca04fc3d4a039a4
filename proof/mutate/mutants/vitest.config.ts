import { fileURLToPath } from "node:url";
import { defineConfig, mergeConfig } from "vitest/config";
import tests from "../../../vitest.config.ts";
import { mutants } from "./all.ts";
import { type Mutant, mutated } from "./mutant.ts";

const project = fileURLToPath(new URL("../../..", import.meta.url));
const { TAILWAKE_MUTANT: name, TAILWAKE_CONDITION: condition } = process.env;

/** A condition is taken away where the table in memory evaluates it. */
const withoutCondition: Mutant = {
  rule: "conditions",
  what: `not asked for: ${condition}`,
  file: "functions/tasks/memory.ts",
  find: "  async update(key: TaskKey, update: Update): Promise<Written> {\n",
  replace:
    "  async update(key: TaskKey, given: Update): Promise<Written> {\n" +
    '    const { without } = await import("../mutations.ts");\n' +
    `    const update = without(${condition})(given);\n`,
};
const mutant = condition ? withoutCondition : mutants.find(({ what }) => what === name);

/** The tests, of a program that is mutated as the environment says. */
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
