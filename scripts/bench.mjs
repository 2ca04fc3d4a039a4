import { build } from "./build.mjs";
import { bundleProgram } from "./bundle-program.mjs";
import { ensureInstalled, runAndExit } from "./install.mjs";

// The SDK's warning about Node 20 concerns deployments, not benchmarks.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
ensureInstalled();
// One benchmark runs the programs of `npm start`: build them before, not in its measured time.
await build();
runAndExit(await bundleProgram("bench/main.ts", ".build/bench"), process.argv.slice(2));
