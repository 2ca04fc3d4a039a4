import { ensureInstalled, runAndExit } from "./install.mjs";

ensureInstalled();
runAndExit("node_modules/vitest/vitest.mjs", ["run", ...process.argv.slice(2)]);
