import { handlers } from "./reference-app.ts";

/** The cron function: one tick for each event of its schedule. */
export const handler = handlers.cron;
