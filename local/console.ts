import { userName } from "../cli/operate/options.ts";
import { type Console, startConsole } from "../console/server.ts";
import { jsonLogger } from "../functions/foundation/logger.ts";
import { createDesk } from "../functions/operate.ts";
import type { Runtime } from "./runtime.ts";

/**
 * The operators' console of the local deployment. It sees what the functions' environment gives access to, and can also
 * kill the lazy function.
 */
export async function startLocalConsole({ environment, lambda }: Runtime): Promise<Console> {
  // The app's settings and the AWS clients read process.env.
  Object.assign(process.env, environment);
  const { app } = await import("../functions/handlers/reference-app.ts");
  const desk = createDesk(
    app,
    environment,
    jsonLogger((line) => process.stderr.write(line)),
  );
  const served = await startConsole({
    desk,
    by: userName(),
    deployment: "npm start",
    async kill() {
      const { length } = lambda.pids("lazy");
      await lambda.kill("lazy");
      return length;
    },
  });
  return {
    url: served.url,
    async close() {
      await served.close();
      desk.close();
    },
  };
}
