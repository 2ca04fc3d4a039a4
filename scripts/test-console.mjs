import { existsSync } from "node:fs";
import { ensureInstalled, runAndExit } from "./install.mjs";

/** The console's page in a real browser: Debian's Chromium, or the one that TAILWAKE_CHROMIUM names. */
const chromium = process.env.TAILWAKE_CHROMIUM ?? "/usr/bin/chromium";
if (!existsSync(chromium)) {
  process.stderr.write(
    `npm run test:console: expected a Chromium at ${chromium}; found none\n` +
      "On Debian, as root: apt-get install --no-install-recommends chromium fonts-dejavu-core\n" +
      "Elsewhere: TAILWAKE_CHROMIUM=/path/to/chromium npm run test:console\n",
  );
  process.exit(1);
}
ensureInstalled();
const config = ["--config", "test/chromium/vitest.config.ts"];
runAndExit("node_modules/vitest/vitest.mjs", ["run", ...config, ...process.argv.slice(2)]);
