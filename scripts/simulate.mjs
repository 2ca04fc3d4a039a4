import { bundleProgram } from "./bundle-program.mjs";
import { ensureInstalled, runAndExit } from "./install.mjs";

ensureInstalled();
runAndExit(await bundleProgram("proof/simulate/main.ts", ".build/simulate"), process.argv.slice(2));
