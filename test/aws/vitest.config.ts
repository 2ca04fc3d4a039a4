import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import config from "../../vitest.config.ts";

/** The tests against third-party software; `npm run test:aws` installs it and runs them. */
export default defineConfig({
  ...config,
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    ...config.test,
    include: ["test/aws/**/*.aws.test.ts"],
    exclude: configDefaults.exclude,
    // A server in Java or Python starts slowly on a busy machine.
    hookTimeout: 90_000,
    testTimeout: 60_000,
  },
});
