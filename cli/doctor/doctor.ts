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
  positionals: "",
  description:
    "check settings, table, bus, queues, schedules, functions, ticks, token and upstream, and say how to fix problems",
  options: {},
  async run({ deployment, json, terminal: { stdout, stopping } }) {
    const findings = await examine(deployment, process.env, stopping);
    if (json) stdout.json({ deployment: deployment.title, findings });
    else
      for (const { what, state, says } of findings) stdout.line(`${state.padEnd(11)}  ${what}: ${says}`, styles[state]);
    return findings.some(({ state }) => state === "fix") ? 3 : 0;
  },
});

/** Runs all checks; returns the findings in the order of printing. */
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
  const [functionChecks, bus, table, schedules, ticks] = await Promise.all([
    checkFunctions(functions, ["lazy", "cron", ...optional]),
    checkBus(setting("TAILWAKE_BUS_ARN"), leaders),
    checkTable(desk, setting("TAILWAKE_TABLE")),
    checkSchedules(setting("TAILWAKE_SCHEDULE_GROUP")),
    checkEngines(desk, leaders),
  ]);
  return [
    { what: "settings", state: "ok", says: `of ${title}` },
    ...functionChecks.findings,
    ...table,
    ...bus.findings,
    ...(await checkQueues(bus.queues, functionChecks.lazyTimeoutSeconds)),
    ...schedules,
    ...ticks,
    await check("app", "", async () => appSummary(app, withoutApp)),
    ...(app ? await checkUpstreams(desk, app, stopping) : []),
  ];
}

function appSummary(app: App | undefined, withoutApp: string | undefined): string {
  if (!app) throw new NotChecked(`${withoutApp}; token and upstream are not checked either`);
  return `${app.activities.length} activities`;
}

/** Checks what the functions have recorded in the table. */
async function checkEngines(desk: Desk, needed: Leaders): Promise<Finding[]> {
  const now = desk.ports.clock.now();
  const engines = desk.engines();
  const led = async (name: string): Promise<string> => {
    const found = (await engines).leaders.filter(
      (leader) => leader.name === name || leader.name.startsWith(`${name}-`),
    );
    const free = found.filter(({ state }) => isFree(state, now)).map((leader) => leader.name);
    const remedy = `check the logs of the ${name} and the cron function`;
    is(found.length > 0, `there was never a leader, though a tick starts one: ${remedy}`);
    is(free.length === 0, `there is no leader of ${free.join(", ")}, though a tick starts one: ${remedy}`);
    return "alive";
  };
  const leaders = (["signals", "eager"] as const).filter((name) => needed[name]);
  return Promise.all([
    check("ticks", "dynamodb:GetItem", async () => {
      const { lastTick } = await engines;
      if (!lastTick) throw new Fix("there was no tick so far: check the log and the schedule of the cron function");
      const late = `the last was ${ago(lastTick.at, now)}: check the log and the schedule of the cron function`;
      is(lastTick.at + tickIsMissingMs >= now, late);
      return `the last was ${ago(lastTick.at, now)}`;
    }),
    ...leaders.map((name) => check(`leader of ${name}`, "dynamodb:GetItem", () => led(name))),
  ]);
}
