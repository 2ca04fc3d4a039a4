import { createSignalsHandler } from "../app.ts";
import { app } from "./reference-app.ts";

/** The signals function: holds the servers' streams of signals. */
export const handler = createSignalsHandler(app);
