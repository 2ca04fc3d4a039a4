import { build } from "./build.mjs";
import { bundleProgram } from "./bundle-program.mjs";
import { ensureInstalled, runAndExit } from "./install.mjs";

// The SDK's word on Node 20 is for whoever deploys, not for whoever measures.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
ensureInstalled();
// One benchmark starts what `npm start` starts: that is built before, not in its time.
await build();
runAndExit(await bundleProgram("bench/main.ts", ".build/bench"), process.argv.slice(2));
