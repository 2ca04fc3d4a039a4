import { add, dollars } from "../../../cli/cost/prices.ts";
import { computedDay, monthOf, multiplied, simulatedDay } from "./bill.ts";
import { dayCounted } from "./day-counts.ts";
import {
  batchesAtOnce,
  busEventsPerSecond,
  checksPerMinute,
  type Load,
  limitsOf,
  production,
  readsPerSecond,
  sendsPerSecond,
  settingsFor,
  type Use,
  usesOf,
  writesPerSecond,
} from "./quotas.ts";

export const loads: readonly Load[] = [10_000, 100_000, 1_000_000].flatMap((tasks) =>
  [10, 1_000, 10_000].map((wakesPerSecond) => ({ tasks, wakesPerSecond })),
);

/** The maxLoad of these loads, as in the simulated day. */
const maxLoad: Load = { tasks: 1_000_000, wakesPerSecond: 10_000 };

/** The tables of docs/scale.md, as Markdown. */
export function scaleTables() {
  return {
    uses: table(
      ["tasks", "wakes/s", "write units/s", "read units/s", "checks/min", "events/s", "sends/s", "concurrent batches"],
      loads.map((load) => [
        ...cellsOf(load),
        ...[
          writesPerSecond(load, production),
          readsPerSecond(load, production),
          checksPerMinute(load, production),
          busEventsPerSecond(load, production),
          sendsPerSecond(load),
          batchesAtOnce(load),
        ].map(grouped),
      ]),
    ),
    breaks: table(
      ["tasks", "wakes/s", "exceeded limits with the settings of `prod`", "change"],
      loads.map((load) => {
        const over = usesOf(load, production).filter(({ share }) => share > 1);
        const [first, ...others] = over;
        if (!first) return [...cellsOf(load), `none; most used: ${formatUse(usesOf(load, production)[0])}`, "–"];
        const then = others.map(formatUse).join(", ");
        return [
          ...cellsOf(load),
          then === "" ? formatUse(first) : `${formatUse(first)}; then ${then}`,
          first.limit.adjust,
        ];
      }),
    ),
    settings: table(
      ["tasks", "wakes/s", "`signalsGo`", "`probeMinutes`", "`lazyConcurrency`", "`signalsMemoryMb`", "then most used"],
      loads.map((load) => {
        const settings = settingsFor(load);
        const { signalsGo, probeMinutes, lazyConcurrency, signalsMemoryMb } = settings;
        const uses = usesOf(load, settings);
        const over = uses.filter(({ share }) => share > 1);
        const mostUsed = (over.length > 0 ? over : uses.slice(0, 1)).map(formatUse).join(", ");
        return [
          ...cellsOf(load),
          signalsGo,
          ...[probeMinutes, lazyConcurrency, signalsMemoryMb].map(grouped),
          mostUsed,
        ];
      }),
    ),
    limits: table(
      ["limit", "unit", "us-east-1", "lowest region", "change"],
      limitsOf(production).map(({ name, unit, max, min, adjust }) => [
        name,
        unit,
        grouped(max),
        min === undefined ? "–" : grouped(min),
        adjust,
      ]),
    ),
    months: table(
      ["tasks", "wakes/s", "wakes", "probes", "standing", "per month, as `prod`", "per month, adapted"],
      loads.map((load) => {
        const { wakes, probes, standing } = monthOf(load, production);
        const set = Object.values(monthOf(load, settingsFor(load)));
        const parts = [wakes, probes, standing, add(wakes, probes, standing), add(...set)];
        return [...cellsOf(load), ...parts.map((usage) => money(dollars(usage)))];
      }),
    ),
    counted: table(
      ["counted", "in the simulation", "factor", "in the day"],
      [
        ...(
          [
            ["wakes", dayCounted.waking.wakes],
            ["batches", dayCounted.waking.batches],
            ["writes of runs", dayCounted.waking.writes],
            ["refused writes", dayCounted.waking.refusedWrites],
            ["queries of signals", dayCounted.waking.queries],
            ["reads of breakers", dayCounted.waking.documentReads],
          ] as const
        ).map(([what, n]) => countRow(what, n, multiplied.size * multiplied.time)),
        ...(
          [
            ["checks", dayCounted.idle.checks],
            ["writes of checks", dayCounted.idle.writes],
            ["reads of checks", dayCounted.idle.reads],
          ] as const
        ).map(([what, n]) => countRow(what, n, multiplied.size)),
        ...(
          [
            ["ticks", dayCounted.idle.ticks],
            ["queries of the due index", dayCounted.idle.dueQueries],
          ] as const
        ).map(([what, n]) => countRow(what, n, 1)),
      ],
    ),
    day: table(
      ["per day", "over the bus", "direct"],
      [
        ...(Object.keys(simulatedDay("bus")) as (keyof ReturnType<typeof simulatedDay>)[]).map((what) => [
          what,
          ...(["bus", "direct"] as const).map((way) => money(dollars(simulatedDay(way)[what]))),
        ]),
        [
          "total",
          ...(["bus", "direct"] as const).map((way) => money(dollars(add(...Object.values(simulatedDay(way)))))),
        ],
        [
          "as computed by cli/cost",
          ...(["through-the-bus", "direct"] as const).map((signalsGo) =>
            money(dollars(computedDay(maxLoad, { ...production, signalsGo, probeMinutes: dayCounted.probeMinutes }))),
          ),
        ],
      ],
    ),
  } as const;
}

const cellsOf = ({ tasks, wakesPerSecond }: Load): string[] => [grouped(tasks), grouped(wakesPerSecond)];

function formatUse(use: Use | undefined): string {
  return use ? `${use.limit.name} ${grouped(Math.round(use.share * 100))} %` : "–";
}

function countRow(what: string, n: number, factor: number): string[] {
  return [what, grouped(n), factor === 1 ? "–" : grouped(factor), grouped(n * factor)];
}

/** Three significant digits. */
const grouped = (n: number): string =>
  (Number.isInteger(n) ? n : Number(n.toPrecision(3))).toLocaleString("en-US", { maximumFractionDigits: 2 });
const money = (amount: number): string =>
  `$${amount.toLocaleString("en-US", { minimumFractionDigits: amount < 100 ? 2 : 0, maximumFractionDigits: amount < 100 ? 2 : 0 })}`;

/** Columns of numbers are aligned right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, column) =>
    rows.every((row) => /^(–|\$?[\d.,]+)$/.test(row[column] ?? "")) ? "---:" : "---",
  );
  return [line(head), `|${rule.join("|")}|`, ...rows.map(line), ""].join("\n");
}
