import { join } from "node:path";
import { build } from "./build.mjs";
import { ensureInstalled, runAndExit } from "./install.mjs";

/** The command line of this repository, with the app that this repository deploys. */
ensureInstalled();
const built = join(await build(), "tailwake");
process.env.TAILWAKE_APP ??= join(built, "app.mjs");
// The command handles Ctrl-C: it exits by itself and restores the terminal.
process.on("SIGINT", () => {});
runAndExit(join(".build", "tailwake", "main.mjs"), process.argv.slice(2), { cwd: process.cwd() });
