import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { common } from "../../vitest.config.ts";

/** The checks against software that this project did not write; `npm run test:aws` installs it and starts them. */
export default defineConfig({
  ...common,
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    ...common.test,
    include: ["test/aws/**/*.aws.test.ts"],
    exclude: configDefaults.exclude,
  },
});
