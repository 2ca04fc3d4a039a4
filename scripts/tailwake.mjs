import { join } from "node:path";
import { build } from "./build.mjs";
import { ensureInstalled, runAndExit } from "./install.mjs";

/** The command line of this repository, with the app that it deploys. */
ensureInstalled();
const built = join(await build(), "tailwake");
process.env.TAILWAKE_APP ??= join(built, "app.mjs");
// Ctrl-C is for the command: it ends by itself, and leaves the terminal as it was.
process.on("SIGINT", () => {});
runAndExit(join(".build", "tailwake", "main.mjs"), process.argv.slice(2), { cwd: process.cwd() });
