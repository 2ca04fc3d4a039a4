import { createEagerHandler } from "../app.ts";
import { app } from "./reference-app.ts";

/** The eager function: holds the watching streams of one shard of tasks. */
export const handler = createEagerHandler(app);
