import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import config from "../../vitest.config.ts";

/** The console's page in a real browser; `npm run test:console` runs these tests. */
export default defineConfig({
  ...config,
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    ...config.test,
    include: ["test/chromium/**/*.test.ts"],
    exclude: configDefaults.exclude,
    // A browser starts slowly on a busy machine.
    hookTimeout: 60_000,
    testTimeout: 60_000,
  },
});
