import { isFree, recentRuns, type TaskRecord } from "tailwake/operate";
import { deskCommand } from "../command.ts";
import { assumed, cronRun, eachMinutes, eagerMonth, probe, standing, wake } from "../cost/bill.ts";
import { dollars, pricesOf, times, type Usage } from "../cost/prices.ts";

const hourMs = 3_600_000;
const hoursAMonth = assumed.monthHours;

interface Line {
  readonly what: string;
  readonly count: number;
  readonly dollars: number;
}

export const cost = deskCommand({
  name: "cost",
  words: "",
  says: "dollars a month of this deployment, at list prices, if it goes on as it did lately; reads the whole table",
  options: {},
  async run({ deployment, json, terminal: { paper } }) {
    const { desk } = deployment;
    const { clock, limits } = desk.ports;
    const now = clock.now();
    const tally = { lazyRuns: 0, cronRuns: 0, sleeping: 0, eager: 0 };
    for await (const record of desk.list()) {
      if (record.status === "completed") continue;
      const engine = desk.bindingOf(record)?.engine ?? record.engine;
      if (engine === "eager") tally.eager++;
      else if (engine === "cron") tally.cronRuns += runsAMonth(record, now);
      else tally.lazyRuns += runsAMonth(record, now);
      if (engine === "lazy" && record.status === "sleeping" && !record.paused) tally.sleeping++;
    }
    const { leaders } = await desk.engines();
    const held = leaders.filter(({ state }) => !isFree(state, now)).map(({ name }) => name);
    const signals = held.filter((name) => name === "signals").length;
    const probeMinutes = limits.probePeriodMs / 60_000;
    const lines = [
      line("runs of lazy tasks, a month", tally.lazyRuns, wake("bus", 1)),
      line("runs of cron tasks, a month", tally.cronRuns, cronRun()),
      line(`sleeping lazy tasks, probed each ${probeMinutes} min`, tally.sleeping, eachMinutes(probe(), probeMinutes)),
      line("eager tasks, watched", tally.eager, eagerMonth()),
      line("shards of the eager function", held.length - signals, standing.shard()),
      line("the signals function", signals, standing.signals()),
      line("the tick, each minute", 1, standing.tick()),
      line("polling of the queues", 1, standing.polling()),
    ].filter(({ count }) => count > 0);
    const total = lines.reduce((sum, { dollars: of }) => sum + of, 0);
    if (json) {
      paper.json({ dollarsAMonth: total, lines, assumed, pricesOf });
      return 0;
    }
    paper.table(
      [{ title: "WHAT" }, { title: "COUNT", right: true }, { title: "DOLLARS A MONTH", right: true }],
      [
        ...lines.map(({ what, count, dollars: of }) => [what, Math.round(count).toLocaleString("en-US"), money(of)]),
        ["all of it", "", money(total)],
      ],
    );
    paper.line();
    for (const text of assumptions) paper.line(text, "dim");
    return 0;
  },
});

const assumptions = [
  `List prices of us-east-1 in ${pricesOf}, first tiers, without free tiers. Requests as the tests count them (docs/cost.md).`,
  `Runs a month: from the last runs of each task, at most five, over the time since the first of them, at least an hour.`,
  `Each run by one signal over the bus, in a batch of one, with ${assumed.memoryMb} MB for ${assumed.lazyMs} ms. What your`,
  "activities take, views that are items of their own, alarms, metrics and logs of your own are not in it.",
];

const line = (what: string, count: number, each: Usage): Line => ({
  what,
  count,
  dollars: dollars(times(each, count)),
});

/** If it goes on as in its last few runs. */
function runsAMonth({ runs }: TaskRecord, now: number): number {
  const last = recentRuns(runs);
  const first = last.at(-1);
  if (!first) return 0;
  return (last.length / Math.max(hourMs, now - first.startedAt)) * hourMs * hoursAMonth;
}

const money = (amount: number): string => (amount > 0 && amount < 0.005 ? "< $0.01" : `$${amount.toFixed(2)}`);
