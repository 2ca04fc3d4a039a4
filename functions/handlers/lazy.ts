import { createWakeHandler } from "../app.ts";
import { app } from "./reference-app.ts";

/** The lazy function: runs tasks for batches of the wake queue, or for plain bus events. */
export const handler = createWakeHandler(app);
