/** For programs of operators, as `npx tailwake` and its console: a desk over a deployed app. */

import { type App, createMachinery } from "./app.ts";
import type { Logger } from "./contract/logger.ts";
import { noMeter } from "./engines/meter.ts";
import { Desk } from "./operate/desk.ts";
import { appSettings, type Environment, readSettings } from "./settings.ts";

export type { Action, Note } from "./operate/actions.ts";
export type { Desk, Engines, Filter, Lag, SeenEvent, TaskLook } from "./operate/desk.ts";

/**
 * A desk over what the environment of a function of the app says. The AWS clients take credentials, region and endpoints
 * from `process.env`, as always. Throws one `SettingsError`. Nothing is measured, and `log` has what the engines log.
 */
export function createDesk(app: App, environment: Environment, log: Logger): Desk {
  const machinery = createMachinery(app, readSettings(environment, appSettings), { log, meter: noMeter });
  return new Desk(machinery, Object.keys(app.upstreams));
}
