import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";

const source = (file: string) => fileURLToPath(new URL(`functions/${file}`, import.meta.url));

export default defineConfig({
  resolve: {
    // The samples of the docs and the examples import the package by its name; here that means the sources.
    alias: [
      { find: /^tailwake$/, replacement: source("index.ts") },
      { find: /^tailwake\/(nog|testing)$/, replacement: source("$1/index.ts") },
      { find: /^tailwake\/(client|operate)$/, replacement: source("$1.ts") },
      { find: /^tailwake\/infra$/, replacement: fileURLToPath(new URL("infra/index.ts", import.meta.url)) },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // They need more than Node: npm run test:aws, npm run test:console.
    exclude: [...configDefaults.exclude, "test/aws/**", "test/chromium/**"],
    setupFiles: ["test/support/nothing-left-running.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  },
});
