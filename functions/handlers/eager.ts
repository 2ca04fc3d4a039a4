import { createEagerHandler } from "../app.ts";
import { app } from "./reference-app.ts";

/** The eager function: leads one shard of the eager tasks and watches their streams. */
export const handler = createEagerHandler(app);
