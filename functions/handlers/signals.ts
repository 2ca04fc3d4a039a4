import { createSignalsHandler } from "../app.ts";
import { app } from "./reference-app.ts";

/** The signals function: leads the signals and holds the servers' streams of signals open. */
export const handler = createSignalsHandler(app);
