import type { App } from "tailwake";
import { ago, type Desk, isFree, tickIsMissingMs } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import type { Deployment } from "../deployment/connect.ts";
import { checkBus, type Leaders } from "./bus.ts";
import { check, type Finding, Fix, is, NotChecked } from "./check.ts";
import { checkFunctions } from "./functions.ts";
import { checkQueues } from "./queues.ts";
import { checkSchedules } from "./schedules.ts";
import { checkTable } from "./table.ts";
import { checkUpstreams } from "./upstreams.ts";

const styles = { ok: "green", fix: "red", "not checked": "yellow" } as const;

export const doctor = deskCommand({
  name: "doctor",
  words: "",
  says: "checks settings, table, bus, queues, schedules, functions, ticks, token and upstream: what is to be mended",
  options: {},
  async run({ deployment, json, terminal: { paper, stopping } }) {
    const findings = await examine(deployment, process.env, stopping);
    if (json) paper.json({ deployment: deployment.title, findings });
    else
      for (const { what, state, says } of findings) paper.line(`${state.padEnd(11)}  ${what}: ${says}`, styles[state]);
    return findings.some(({ state }) => state === "fix") ? 3 : 0;
  },
});

/** All checks, in the order in which they are read. */
async function examine(
  { desk, app, title, withoutApp, functions }: Deployment,
  environment: NodeJS.ProcessEnv,
  stopping: AbortSignal,
): Promise<Finding[]> {
  const setting = (name: string) => environment[name] ?? "";
  const leaders: Leaders = {
    signals: (app?.signalSources.length ?? 0) > 0,
    eager: [...desk.ports.bindings].some(({ engine }) => engine === "eager"),
  };
  const optional = (["signals", "eager"] as const).filter((name) => leaders[name]);
  const [ofFunctions, bus, table, schedules, ticks] = await Promise.all([
    checkFunctions(functions, ["lazy", "cron", ...optional]),
    checkBus(setting("TAILWAKE_BUS_ARN"), leaders),
    checkTable(desk, setting("TAILWAKE_TABLE")),
    checkSchedules(setting("TAILWAKE_SCHEDULE_GROUP")),
    checkEngines(desk, leaders),
  ]);
  return [
    { what: "settings", state: "ok", says: `of ${title}` },
    ...ofFunctions.findings,
    ...table,
    ...bus.findings,
    ...(await checkQueues(bus.queues, ofFunctions.lazyTimeoutSeconds)),
    ...schedules,
    ...ticks,
    await check("app", "", async () => appWords(app, withoutApp)),
    ...(app ? await checkUpstreams(desk, app, stopping) : []),
  ];
}

function appWords(app: App | undefined, withoutApp: string | undefined): string {
  if (!app) throw new NotChecked(`${withoutApp}; token and upstream are not checked either`);
  return `${app.activities.length} activities`;
}

/** What the functions have left word of in the table. */
async function checkEngines(desk: Desk, needed: Leaders): Promise<Finding[]> {
  const now = desk.ports.clock.now();
  const engines = desk.engines();
  const held = async (place: string): Promise<string> => {
    const found = (await engines).leaders.filter(({ name }) => name === place || name.startsWith(`${place}-`));
    const free = found.filter(({ state }) => isFree(state, now)).map(({ name }) => name);
    const toDo = `look at the logs of the ${place} and the cron function`;
    is(found.length > 0, `nobody has ever held it, and a tick starts a leader: ${toDo}`);
    is(free.length === 0, `nobody holds ${free.join(", ")}, and a tick starts a leader: ${toDo}`);
    return "held";
  };
  const places = (["signals", "eager"] as const).filter((place) => needed[place]);
  return Promise.all([
    check("ticks", "dynamodb:GetItem", async () => {
      const { lastTick } = await engines;
      if (!lastTick) throw new Fix("there was none so far: look at the log and the schedule of the cron function");
      const late = `the last was ${ago(lastTick.at, now)}: look at the log and the schedule of the cron function`;
      is(lastTick.at + tickIsMissingMs >= now, late);
      return `the last was ${ago(lastTick.at, now)}`;
    }),
    ...places.map((place) => check(`leader of ${place}`, "dynamodb:GetItem", () => held(place))),
  ]);
}
