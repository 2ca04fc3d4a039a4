import { isFree, recentRuns, type TaskRecord } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import { assumed, cronRun, eachMinutes, eagerMonth, probe, standing, wake } from "../cost/bill.ts";
import { dollars, pricesOf, times, type Usage } from "../cost/prices.ts";

const hourMs = 3_600_000;
const hoursPerMonth = assumed.monthHours;

interface Line {
  readonly what: string;
  readonly count: number;
  readonly dollars: number;
}

export const cost = deskCommand({
  name: "cost",
  positionals: "",
  description: "project the cost per month of this deployment, at list prices; read the whole table",
  options: {},
  async run({ deployment, json, terminal: { stdout } }) {
    const { desk } = deployment;
    const { clock, limits } = desk.ports;
    const now = clock.now();
    const tally = { lazyRuns: 0, cronRuns: 0, sleeping: 0, eager: 0 };
    for await (const record of desk.list()) {
      if (record.status === "completed") continue;
      const engine = desk.bindingOf(record)?.engine ?? record.engine;
      if (engine === "eager") tally.eager++;
      else if (engine === "cron") tally.cronRuns += runsPerMonth(record, now);
      else tally.lazyRuns += runsPerMonth(record, now);
      if (engine === "lazy" && record.status === "sleeping" && !record.paused) tally.sleeping++;
    }
    const { leaders } = await desk.engines();
    const leaderNames = leaders.filter(({ state }) => !isFree(state, now)).map(({ name }) => name);
    const signals = leaderNames.filter((name) => name === "signals").length;
    const probeMinutes = limits.probePeriodMs / 60_000;
    const lines = [
      line("runs of lazy tasks, per month", tally.lazyRuns, wake("bus", 1)),
      line("runs of cron tasks, per month", tally.cronRuns, cronRun()),
      line(`sleeping lazy tasks, probed every ${probeMinutes} min`, tally.sleeping, eachMinutes(probe(), probeMinutes)),
      line("eager tasks, watched", tally.eager, eagerMonth()),
      line("shards of the eager function", leaderNames.length - signals, standing.shard()),
      line("the signals function", signals, standing.signals()),
      line("the tick, every minute", 1, standing.tick()),
      line("polling of the queues", 1, standing.polling()),
    ].filter(({ count }) => count > 0);
    const total = lines.reduce((sum, { dollars: of }) => sum + of, 0);
    if (json) {
      stdout.json({ dollarsAMonth: total, lines, assumed, pricesOf });
      return 0;
    }
    stdout.table(
      [{ title: "ITEM" }, { title: "COUNT", right: true }, { title: "$ PER MONTH", right: true }],
      [
        ...lines.map(({ what, count, dollars: of }) => [what, Math.round(count).toLocaleString("en-US"), money(of)]),
        ["total", "", money(total)],
      ],
    );
    stdout.line();
    for (const text of assumptions) stdout.line(text, "dim");
    return 0;
  },
});

const assumptions = [
  `List prices of us-east-1 in ${pricesOf}, first tiers, without free tiers. Request counts from the tests (docs/cost.md).`,
  `Runs per month: the last runs of each task, at most five, divided by the time since the first of them, at least an hour.`,
  `Each run: one signal over the bus in a batch of one, ${assumed.memoryMb} MB for ${assumed.lazyMs} ms. Not included: your`,
  "activities, views stored as separate items, alarms, your own metrics and logs.",
];

const line = (what: string, count: number, each: Usage): Line => ({
  what,
  count,
  dollars: dollars(times(each, count)),
});

/** Projected from the last runs. */
function runsPerMonth({ runs }: TaskRecord, now: number): number {
  const last = recentRuns(runs);
  const first = last.at(-1);
  if (!first) return 0;
  return (last.length / Math.max(hourMs, now - first.startedAt)) * hourMs * hoursPerMonth;
}

const money = (amount: number): string => (amount > 0 && amount < 0.005 ? "< $0.01" : `$${amount.toFixed(2)}`);
