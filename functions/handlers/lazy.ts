import { createWakeHandler } from "../app.ts";
import { app } from "./reference-app.ts";

/** The lazy function: batches of the wake queue, or plain bus events. */
export const handler = createWakeHandler(app);
