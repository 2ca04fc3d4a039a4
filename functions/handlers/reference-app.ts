import { createApp } from "../app.ts";
import { type Activity, task } from "../contract/activity.ts";
import type { Stream } from "../contract/stream.ts";
import { cron, eager, lazy } from "../engines/binding.ts";
import { appSettings, readSettings, setting, tokenFromEnvironment, tokenFromFile, tokenFromSecret } from "../index.ts";
import {
  duRoot,
  freezeRepo,
  liveBroadcast,
  observeRegistry,
  pingRegistry,
  splitRoot,
  watchRepo,
  workflowIndex,
} from "../nog/index.ts";

/** The settings of this app, besides those of every app. All are read when the process starts. */
const settings = readSettings(
  process.env,
  {
    ...appSettings,
    TAILWAKE_NOG_URL: setting.url("the URL of the nog server"),
    TAILWAKE_NOG_PROTOCOL: setting.oneOf("grpc", "grpc-web", "connect"),
    TAILWAKE_NOG_TOKEN: setting.secret("a bare token"),
    TAILWAKE_NOG_TOKEN_FILE: setting.optional(setting.text("the path of a file with the token", /./)),
    TAILWAKE_NOG_TOKEN_SECRET: setting.optional(setting.text("the name or ARN of a secret", /^[\w/+=.@:!-]{1,2048}$/)),
    TAILWAKE_NOG_TOKEN_FIELD: setting.optional(setting.text("the member of a JSON secret that is the token", /\S/)),
    TAILWAKE_NOG_TOKEN_SCHEME: setting.optional(setting.oneOf("bare", "Bearer")),
    TAILWAKE_NOG_REGISTRIES: setting.text(
      "names of registries, joined by commas",
      /^[a-z0-9.-]{1,256}(,[a-z0-9.-]{1,256})*$/,
    ),
    TAILWAKE_ENGINE: setting.optional(setting.oneOf("lazy", "eager")),
  },
  ["TAILWAKE_NOG_TOKEN", "TAILWAKE_NOG_TOKEN_FILE", "TAILWAKE_NOG_TOKEN_SECRET"],
);

const authorization = tokenSource();
const registries = settings.TAILWAKE_NOG_REGISTRIES.split(",");

/** True: the eager engine runs the nog activities; false: the lazy engine. */
const isEager = settings.TAILWAKE_ENGINE === "eager";
const bind = <S extends Stream>(activity: Activity<S>) => (isEager ? eager(activity) : lazy(activity));

/** The app that this repository deploys: the nog activities, each bound to an engine. */
export const app = createApp({
  activities: [
    bind(workflowIndex),
    bind(pingRegistry),
    bind(duRoot),
    bind(splitRoot),
    bind(freezeRepo),
    bind(observeRegistry),
    cron(watchRepo, { everyMinutes: 1 }),
  ],
  upstreams: {
    nog: {
      baseUrl: settings.TAILWAKE_NOG_URL,
      protocol: settings.TAILWAKE_NOG_PROTOCOL,
      scheme: settings.TAILWAKE_NOG_TOKEN_SCHEME ?? "bare",
      ...(authorization && { authorization }),
    },
  },
  signalSources: isEager ? [] : [liveBroadcast],
  roots: registries.flatMap((registry) => [task(workflowIndex, { registry }), task(observeRegistry, { registry })]),
});

function tokenSource(): (() => Promise<string>) | undefined {
  const { TAILWAKE_NOG_TOKEN: token, TAILWAKE_NOG_TOKEN_FILE: file, TAILWAKE_NOG_TOKEN_SECRET: secret } = settings;
  if (token !== undefined) return tokenFromEnvironment("TAILWAKE_NOG_TOKEN");
  if (file !== undefined) return tokenFromFile(file);
  const field = settings.TAILWAKE_NOG_TOKEN_FIELD;
  return secret === undefined ? undefined : tokenFromSecret(secret, field === undefined ? {} : { field });
}
