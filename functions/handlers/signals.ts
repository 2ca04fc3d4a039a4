import { handlers } from "./reference-app.ts";

/** The signals function: holds the servers' streams of signals. */
export const handler = handlers.signals;
