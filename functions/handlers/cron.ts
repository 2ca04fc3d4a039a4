import { createCronHandler } from "../app.ts";
import { app } from "./reference-app.ts";

/** The cron function: runs one tick for each event of its schedule. */
export const handler = createCronHandler(app);
