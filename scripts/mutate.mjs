import { bundleProgram } from "./bundle-program.mjs";
import { ensureInstalled, runAndExit } from "./install.mjs";

ensureInstalled();
runAndExit(await bundleProgram("proof/mutate/main.ts", ".build/mutate"), process.argv.slice(2));
