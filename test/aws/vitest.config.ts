import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { common } from "../../vitest.config.ts";

/** The tests against third-party software; `npm run test:aws` installs it and runs them. */
export default defineConfig({
  ...common,
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    ...common.test,
    include: ["test/aws/**/*.aws.test.ts"],
    exclude: configDefaults.exclude,
  },
});
