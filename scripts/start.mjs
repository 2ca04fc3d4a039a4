import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "./build.mjs";
import { ensureInstalled } from "./install.mjs";

// The SDK's warning about Node 20 concerns deployments, not local use.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
ensureInstalled();
const built = await build();
await import(pathToFileURL(join(built, "main.mjs")).href);
