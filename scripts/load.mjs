import { bundleProgram } from "./bundle-program.mjs";
import { ensureInstalled, runAndExit } from "./install.mjs";

ensureInstalled();
runAndExit(await bundleProgram("proof/load/main.ts", ".build/load"), process.argv.slice(2));
