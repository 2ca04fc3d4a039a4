import { type App, createApp, type Logger } from "tailwake";
import { createDesk, type Desk } from "tailwake/operate";
import { UsageError } from "../usage-error.ts";
import { hasUsualAppFile, loadApp, usualAppFile } from "./app-file.ts";
import { functionEnvironment } from "./function-environment.ts";
import { readLocalFile } from "./local-file.ts";

/** Which deployment, and whose code: as the options of the command line say it. */
export interface Place {
  /** The project's folder. */
  readonly folder: string;
  /** `NAME` of the deployment on AWS; default `TAILWAKE_NAME`. */
  readonly name?: string | undefined;
  /** What `npm start` runs in the folder. */
  readonly local?: boolean | undefined;
  /** The module that exports `app`; default `TAILWAKE_APP`, or {@link usualAppFile}. */
  readonly app?: string | undefined;
  /** As every AWS tool takes them; default is the environment. */
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
}

/** A deployment that one can look at and act on. */
export interface Deployment {
  /** For people: `tailwake-prod`, or where `npm start` runs. */
  readonly title: string;
  /** What the names of its functions begin with on AWS; undefined where there is no Lambda to ask. */
  readonly functions: string | undefined;
  readonly desk: Desk;
  /** Undefined if it could not be loaded: then the desk has no stream and no upstream. */
  readonly app: App | undefined;
  /** Why there is no app, in a sentence; undefined if there is one. */
  readonly withoutApp: string | undefined;
  /** For a process that goes on, or is to end by itself. */
  close(): void;
}

/**
 * Connects to a deployment, so that nothing is configured twice: the environment of its lazy function becomes that of this
 * process, before the app is loaded. Its values are never printed. Throws a `UsageError` if no place is named, and errors
 * that name what cannot be reached or read.
 */
export async function connect(place: Place, log: Logger): Promise<Deployment> {
  const { folder, local, profile, region } = place;
  const appFile = place.app ?? process.env.TAILWAKE_APP;
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const title = local ? enterLocal(folder) : await enter(place.name ?? process.env.TAILWAKE_NAME, profile, region);
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

/** The app of a deployment, for what needs a stream. Throws the reason why there is none. */
export function appOfDeployment({ app, withoutApp }: Deployment): App {
  if (app) return app;
  throw new Error(`this needs the app: ${withoutApp}`);
}

function enterLocal(folder: string): string {
  const { environment } = readLocalFile(folder);
  // Those of the person who types would count for more, and be sent to this machine's servers.
  for (const name of ["AWS_PROFILE", "AWS_SESSION_TOKEN"]) delete process.env[name];
  Object.assign(process.env, environment);
  return `npm start in ${folder}`;
}

async function enter(
  name: string | undefined,
  profile: string | undefined,
  region: string | undefined,
): Promise<string> {
  if (!name) throw new UsageError("which deployment? --name NAME (or TAILWAKE_NAME), or --local for npm start");
  if (!/^[A-Za-z0-9-]{1,59}$/.test(name)) throw new UsageError("--name: expected letters, digits and dashes");
  if (profile !== undefined) process.env.AWS_PROFILE = profile;
  if (region !== undefined) process.env.AWS_REGION = region;
  for (const [setting, value] of Object.entries(await functionEnvironment(`${name}-lazy`))) {
    // Who acts, and where, the person says and not the function.
    if (!/^(AWS|NODE)_/.test(setting)) process.env[setting] = value;
  }
  return name;
}

/** Or why there is none. */
async function appOf(folder: string, given: string | undefined): Promise<App | string> {
  if (given === undefined && !hasUsualAppFile(folder))
    return `there is no ${usualAppFile}; --app FILE says where it is`;
  try {
    return await loadApp(folder, given ?? usualAppFile);
  } catch (error) {
    return `it could not be loaded: ${(error as Error).message}`;
  }
}
