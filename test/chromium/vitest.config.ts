import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { common } from "../../vitest.config.ts";

/** The console's page in a real browser; `npm run test:console` runs these tests. */
export default defineConfig({
  ...common,
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    ...common.test,
    include: ["test/chromium/**/*.test.ts"],
    exclude: configDefaults.exclude,
  },
});
