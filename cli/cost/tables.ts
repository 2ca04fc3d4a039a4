import * as bill from "./bill.ts";
import { type Counts, counted, type LeaderPeriod } from "./counts.ts";
import { dollars, only, prices, times, type Usage } from "./prices.ts";

/** The tables of docs/cost.md, as Markdown. */
export function costTables() {
  return {
    wakes: table(
      ["per million wakes", "bus", "queue", "Lambda", "table", "logs", "total"],
      [
        ["over the bus, batches of ten", ...wakeCells(bill.wake("bus", 10))],
        ["over the bus, batches of one", ...wakeCells(bill.wake("bus", 1))],
        ["direct, batches of ten", ...wakeCells(bill.wake("direct", 10))],
        ["direct, batches of one", ...wakeCells(bill.wake("direct", 1))],
      ],
    ),
    tasks: table(
      ["1,000 idle tasks, per month", "every 15 min", "every hour", "every day"],
      [
        ["lazy: a probe", ...intervals(bill.probe())],
        ["cron: a run", ...intervals(bill.cronRun())],
        ["eager: a hand-over", money(dollars(times(bill.eagerMonth(), 1000))), "–", "–"],
      ],
    ),
    standing: table(
      ["per month", "Lambda", "table", "queues", "bus, Scheduler, logs", "total"],
      [
        ["the tick", ...standingCells(bill.standing.tick())],
        ["the signals function", ...standingCells(bill.standing.signals())],
        ["one shard of eager tasks", ...standingCells(bill.standing.shard())],
        [`${bill.assumed.queues} empty queues, polled`, ...standingCells(bill.standing.polling())],
        metricsRow("metrics of the service", bill.metrics.ofService),
        metricsRow("metrics of an activity with three outcomes", bill.metrics.ofActivity + 3),
        ["ten alarms", "", "", "", "", money(dollars({ alarms: 10 }))],
        ["a dashboard after the first three", "", "", "", "", money(dollars({ dashboards: 1 }))],
      ],
    ),
    counts: table(
      ["counted", "requests", "write units", "read units", "bus events", "log bytes", "metric bytes"],
      [
        countRow("10 signaled runs over the bus, in a batch of 10", counted.wakes.bus[10]),
        countRow("the same in 10 batches", counted.wakes.bus[1]),
        countRow("10 signaled runs direct, in a batch of 10", counted.wakes.direct[10]),
        countRow("the same in 10 batches", counted.wakes.direct[1]),
        countRow("10 probes in one tick", counted.probes),
        countRow("10 cron runs: the tick that wakes them, one batch", counted.cronRuns),
        countRow("a tick with nothing due, two leaderships, one root", counted.idleTick),
        leaderRow("the signals function", counted.signals),
        leaderRow("an eager shard with one task", counted.shard),
        countRow("… its part for the task", counted.shard.ofTask),
      ],
    ),
    constant: table(
      ["constant requests", "per hour", "per month"],
      [
        constantRow("the tick's reads of the due index", bill.constant.dueIndex()),
        constantRow("its other reads: queue age, leaders, roots", bill.constant.tickReads()),
        constantRow("its record of the last tick", bill.constant.lastTick()),
        constantRow("heartbeats of the signals function", bill.constant.signalHeartbeats()),
        constantRow("heartbeats of a shard's leader", bill.constant.shardHeartbeats()),
        constantRow("the leader's reads of the eager index", bill.constant.eagerIndex()),
        constantRow("its reads of the breaker, and its successor's of the leadership", bill.constant.shardReads()),
      ],
    ),
    assumed: table(
      ["assumed", ""],
      [
        ["memory of each function", `${bill.assumed.memoryMb} MB`],
        ["an invocation of the lazy function, of any batch size", `${bill.assumed.lazyMs} ms`],
        ["a tick with nothing due", `${bill.assumed.tickMs} ms`],
        ["a probe; a tick runs several at once", `${bill.assumed.probeMs} ms, ${bill.assumed.probesAtOnce} at once`],
        ["Lambda's own log lines, per invocation", `${bill.assumed.platformLogBytes} bytes`],
        ["requests of Lambda per batch", `${bill.assumed.pollRequestsPerBatch}: receive, delete`],
        [
          "an empty queue",
          `${bill.assumed.pollersPerIdleQueue} pollers, each with a request every ${bill.assumed.pollSeconds} s`,
        ],
        ["a month", `${bill.assumed.monthHours} hours`],
      ],
    ),
    prices: table(
      ["$", "for"],
      Object.values(prices).map(({ dollars: each, per, what }) => [
        String(each),
        per === 1 ? `per ${what}` : `per million ${what}`,
      ]),
    ),
  } as const;
}

const wakeCells = (usage: Usage): string[] => {
  const million = times(usage, 1e6);
  return [
    money(dollars(only(million, "busEvents"))),
    money(dollars(only(million, "queueRequests"))),
    money(dollars(only(million, "invocations", "gbSeconds"))),
    money(dollars(only(million, "writeUnits", "readUnits"))),
    money(dollars(only(million, "logGb"))),
    money(dollars(million)),
  ];
};

const standingCells = (usage: Usage): string[] => [
  money(dollars(only(usage, "invocations", "gbSeconds"))),
  money(dollars(only(usage, "writeUnits", "readUnits"))),
  money(dollars(only(usage, "queueRequests"))),
  money(dollars(only(usage, "busEvents", "schedulerRuns", "logGb"))),
  money(dollars(usage)),
];

const intervals = (usage: Usage): string[] =>
  [15, 60, 1440].map((minutes) => money(dollars(times(bill.eachMinutes(usage, minutes), 1000))));

const metricsRow = (what: string, metrics: number): string[] => [
  `${metrics} ${what}`,
  ...["", "", "", ""],
  money(dollars({ metrics })),
];

function countRow(what: string, counts: Counts): string[] {
  const { requests, writeUnits, readUnits, busEvents, logBytes, metricBytes } = counts;
  const operations = Object.entries(requests).map(([request, n]) => `${grouped(n)} ${shortOf(request)}`);
  return [
    what,
    operations.join(", "),
    ...[writeUnits, readUnits, busEvents, logBytes, metricBytes].map((n) => grouped(n)),
  ];
}

/** `DynamoDB GetItem, task` as `GetItem (task)`. */
const shortOf = (request: string): string =>
  request.replace(/^\w+ (\w+)(?:, (.+))?$/, (_, name, subject) =>
    subject === undefined ? name : `${name} (${subject})`,
  );

const leaderRow = (what: string, { seconds, billedSeconds, counts }: LeaderPeriod): string[] =>
  countRow(`${what}, ${seconds} s from one leader to the next, ${billedSeconds} s billed`, counts);

function constantRow(what: string, { perHour, month }: bill.Constant): string[] {
  return [what, grouped(Math.round(perHour)), money(dollars(month))];
}

/** Rounds to cents; a smaller amount shows as "< $0.01". */
function money(amount: number): string {
  if (amount > 0 && amount < 0.005) return "< $0.01";
  return amount === 0 ? "–" : `$${grouped(Number(amount.toFixed(2)), 2)}`;
}

const grouped = (n: number, decimals = 0): string =>
  n.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: Math.max(decimals, 1) });

/** Columns of numbers are aligned right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, column) => (rows.every((row) => isNumber.test(row[column] ?? "")) ? "---:" : "---"));
  return [line(head), `|${rule.join("|")}|`, ...rows.map(line), ""].join("\n");
}

const isNumber = /^(|–|(< )?\$?[\d.,]+)$/;
