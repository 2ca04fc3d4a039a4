import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import config from "../../vitest.config.ts";

/** The checks against software that this project did not write; `npm run test:aws` installs it and starts them. */
export default defineConfig({
  ...config,
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    ...config.test,
    include: ["test/aws/**/*.aws.test.ts"],
    exclude: configDefaults.exclude,
    // A server in Java or Python takes its time to start on a busy machine.
    hookTimeout: 90_000,
    testTimeout: 60_000,
  },
});
