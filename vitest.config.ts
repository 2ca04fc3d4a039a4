import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig, type ViteUserConfig } from "vitest/config";

const source = (file: string) => fileURLToPath(new URL(`functions/${file}`, import.meta.url));

/** They start programs over and over, or wait in real time: `npm run test:all` runs them, and `npm test` does not. */
const slow = ["test/**/*.slow.test.ts"];

/**
 * They need a module that no other file has used, or leave one behind that none should use: a client of Secrets Manager
 * that is made once in a process, a tracer that has found an SDK and keeps it. Each has a process of its own.
 */
const alone = ["test/**/*.alone.test.ts"];

/** They need more than Node: npm run test:aws, npm run test:console. */
const elsewhere = ["test/aws/**", "test/chromium/**"];

/** What all tests have in common, those with a configuration of their own too. */
export const common = {
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
    setupFiles: ["test/support/nothing-left-running.ts", "test/support/nothing-left-changed.ts"],
    pool: "forks",
    maxWorkers: availableParallelism(),
    // They end what hangs. A busy machine may take its time: no test measures it.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
  },
} satisfies ViteUserConfig;

const files = (name: string, include: string[], exclude: string[], isolate: boolean) => ({
  extends: true as const,
  test: { name, include, exclude: [...configDefaults.exclude, ...elsewhere, ...exclude], isolate },
});

export default defineConfig({
  ...common,
  test: {
    ...common.test,
    projects: [
      files("slow", slow, [], true),
      files("alone", alone, slow, true),
      // To import everything once in a process, and not once in a file, takes half of the time away.
      files("quick", ["test/**/*.test.ts"], [...slow, ...alone], false),
    ],
  },
});
