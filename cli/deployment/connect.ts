import { type App, createApp, type Logger } from "tailwake";
import { createDesk, type Desk } from "tailwake/operate";
import { UsageError } from "../usage-error.ts";
import { defaultAppFile, hasDefaultAppFile, loadApp } from "./app-file.ts";
import { functionEnvironment } from "./function-environment.ts";
import { readLocalFile } from "./local-file.ts";

/** The deployment and the app, as selected by the command line options. */
export interface DeploymentOptions {
  /** The project's folder. */
  readonly folder: string;
  /** `NAME` of the deployment on AWS; default: `TAILWAKE_NAME`. */
  readonly name?: string | undefined;
  /** Use the deployment that `npm start` runs in the folder. */
  readonly local?: boolean | undefined;
  /** The module that exports `app`; default: `TAILWAKE_APP`, then {@link defaultAppFile}. */
  readonly app?: string | undefined;
  /** As in the AWS tools; default: the environment. */
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
}

/** A connected deployment. */
export interface Deployment {
  /** Shown to the user: `tailwake-prod`, or the folder in which `npm start` runs. */
  readonly title: string;
  /** Prefix of its functions' names on AWS; undefined if it is not on AWS. */
  readonly functions: string | undefined;
  readonly desk: Desk;
  /** Undefined if it could not be loaded: then the desk has no stream and no upstream. */
  readonly app: App | undefined;
  /** Why there is no app; undefined if there is one. */
  readonly withoutApp: string | undefined;
  /** Releases connections, so that the process can end by itself. */
  close(): void;
}

/**
 * Connects to a deployment without further configuration: copies the environment of its lazy function into this process
 * before loading the app. The values are never printed. Throws a `UsageError` if no deployment is given, and errors
 * that name what cannot be reached or read.
 */
export async function connect(options: DeploymentOptions, log: Logger): Promise<Deployment> {
  const { folder, local, profile, region } = options;
  const appFile = options.app ?? process.env.TAILWAKE_APP;
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const title = local ? enterLocal(folder) : await enter(options.name ?? process.env.TAILWAKE_NAME, profile, region);
  const found = await appOf(folder, appFile);
  const app = typeof found === "string" ? undefined : found;
  const desk = createDesk(app ?? createApp({ activities: [], upstreams: {} }), process.env, log);
  return {
    title,
    functions: local ? undefined : title,
    desk,
    app,
    withoutApp: typeof found === "string" ? found : undefined,
    close: () => desk.close(),
  };
}

/** The app of a deployment, for commands that need a stream. Throws the reason if there is none. */
export function appOfDeployment({ app, withoutApp }: Deployment): App {
  if (app) return app;
  throw new Error(`this command needs the app: ${withoutApp}`);
}

function enterLocal(folder: string): string {
  const { environment } = readLocalFile(folder);
  // The user's own credentials would take precedence and be sent to local servers.
  for (const name of ["AWS_PROFILE", "AWS_SESSION_TOKEN"]) delete process.env[name];
  Object.assign(process.env, environment);
  return `npm start in ${folder}`;
}

async function enter(
  name: string | undefined,
  profile: string | undefined,
  region: string | undefined,
): Promise<string> {
  if (!name) throw new UsageError("expected --name NAME (or TAILWAKE_NAME), or --local for npm start");
  if (!/^[A-Za-z0-9-]{1,59}$/.test(name)) throw new UsageError("--name: expected letters, digits and dashes");
  if (profile !== undefined) process.env.AWS_PROFILE = profile;
  if (region !== undefined) process.env.AWS_REGION = region;
  for (const [setting, value] of Object.entries(await functionEnvironment(`${name}-lazy`))) {
    // Credentials and region are the user's, not the function's.
    if (!/^(AWS|NODE)_/.test(setting)) process.env[setting] = value;
  }
  return name;
}

/** Returns the app, or the reason why there is none. */
async function appOf(folder: string, given: string | undefined): Promise<App | string> {
  if (given === undefined && !hasDefaultAppFile(folder)) return `there is no ${defaultAppFile}; use --app FILE`;
  try {
    return await loadApp(folder, given ?? defaultAppFile);
  } catch (error) {
    return `it could not be loaded: ${(error as Error).message}`;
  }
}
