import { createApp, createHandlers } from "../app.ts";
import { task } from "../contract/activity.ts";
import { cron, lazy } from "../engines/binding.ts";
import { duRoot, observeRegistry, pingRegistry, watchRepo, workflowIndex } from "../nog/index.ts";
import { appSettings, readSettings, setting } from "../settings.ts";

/** The settings of this app beside those that every app has: all are checked at once, when the process starts. */
const settings = readSettings(process.env, {
  ...appSettings,
  TAILWAKE_NOG_URL: setting.url("the URL of the nog server"),
  TAILWAKE_NOG_PROTOCOL: setting.oneOf("grpc", "grpc-web", "connect"),
  TAILWAKE_NOG_TOKEN: setting.secret("a bare token"),
  TAILWAKE_NOG_REGISTRIES: setting.text("names of registries, joined by commas", /^[a-z0-9.,-]+$/),
});

const token = settings.TAILWAKE_NOG_TOKEN;
const registries = settings.TAILWAKE_NOG_REGISTRIES.split(",");

/** The app that this repository deploys: the nog activities, each bound to its engine. */
const app = createApp({
  activities: [
    lazy(workflowIndex),
    lazy(pingRegistry),
    lazy(duRoot),
    lazy(observeRegistry),
    cron(watchRepo, { everyMinutes: 1 }),
  ],
  upstreams: {
    nog: {
      baseUrl: settings.TAILWAKE_NOG_URL,
      protocol: settings.TAILWAKE_NOG_PROTOCOL,
      ...(token === undefined ? {} : { authorization: async () => token }),
    },
  },
  roots: registries.flatMap((registry) => [task(workflowIndex, { registry }), task(observeRegistry, { registry })]),
});

export const handlers = createHandlers(app);
