import { parseArgs } from "node:util";
import type { RawDrain } from "./drain.ts";
import type { Figure } from "./measure.ts";

type Benchmark = (name: string) => Promise<Figure | readonly Figure[]>;

const onePerMessage = { perMessage: 1, reading: "events" } as const;
const byHundreds = { perMessage: 100, reading: "batches" } as const;
const rawDrain = async (name: string, drain: RawDrain) => (await import("./drain.ts")).measureRawDrain(name, drain);

/** Loaded on demand, so that a benchmark's packages do not use another one's memory. */
const benchmarks: Readonly<Record<string, Benchmark>> = {
  "drain-engine/1": async (name) => (await import("./drain.ts")).measureDrain(name, 1, "events"),
  "drain-engine/100": async (name) => (await import("./drain.ts")).measureDrain(name, 100, "batches"),
  "drain-engine/100/events": async (name) => (await import("./drain.ts")).measureDrain(name, 100, "events"),
  "drain-raw/grpc/1": (name) => rawDrain(name, { protocol: "grpc", ...onePerMessage }),
  "drain-raw/grpc/100": (name) => rawDrain(name, { protocol: "grpc", ...byHundreds }),
  "drain-raw/grpc/1/20ms": (name) => rawDrain(name, { protocol: "grpc", ...onePerMessage, roundTripMs: 20 }),
  "drain-raw/grpc/1/100-streams": (name) => rawDrain(name, { protocol: "grpc", ...onePerMessage, streams: 100 }),
  "drain-raw/connect/1": (name) => rawDrain(name, { protocol: "connect", ...onePerMessage }),
  "drain-raw/connect/100": (name) => rawDrain(name, { protocol: "connect", ...byHundreds }),
  "drain-raw/grpc-web/1": (name) => rawDrain(name, { protocol: "grpc-web", ...onePerMessage }),
  "drain-raw/grpc-web/100": (name) => rawDrain(name, { protocol: "grpc-web", ...byHundreds }),
  "run/memory": async (name) => (await import("./run.ts")).measureRuns(name, 1),
  "run/empty": async (name) => (await import("./run.ts")).measureRuns(name, 0),
  "run/dynamodb": async (name) => (await import("./run-dynamodb.ts")).measureDynamoRuns(name),
  "fleet/2": async (name) => (await import("./fleet.ts")).measureFleet(name),
  "requests/run": async (name) => (await import("./requests.ts")).measureRequests(name),
  "memory/drain": async (name) => (await import("./memory.ts")).measureMemory(name),
  "memory/lazy": async (name) => (await import("./memory-lazy.ts")).measureLazyMemory(name),
  "memory/watch": async (name) => (await import("./memory-watch.ts")).measureWatchMemory(name),
  "latency/lazy": async (name) => (await import("./latency.ts")).measureLatency(name, "lazy"),
  "latency/eager": async (name) => (await import("./latency.ts")).measureLatency(name, "eager"),
  "tick/1000000": async (name) => (await import("./tick.ts")).measureTick(name),
  "hand-over": async (name) => (await import("./hand-over.ts")).measureHandOver(name),
  "cold-start": async (name) => (await import("./cold-start.ts")).measureColdStart(name),
  "start/ready": async (name) => (await import("./start.ts")).measureStart(name),
};

/** The roles of the benchmarks' child processes; no benchmark name contains a colon. */
const roles: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  "role:serve-events": async (args) => (await import("./event-server.ts")).serveEvents(args),
  "role:null-database": async (args) => (await import("./null-database.ts")).serveNullDatabase(args),
  "role:first-answer": async (args) => (await import("./first-answer.ts")).firstAnswer(args),
  "role:tick": async (args) => (await import("./tick-process.ts")).tickOften(args),
  "role:run-lazily": async (args) => (await import("./memory-lazy.ts")).runLazily(args),
  "role:serve-database": async () => (await import("./database-process.ts")).serveDatabase(),
  "role:run-shortly": async (args) => (await import("./run.ts")).runShortly(args),
  "role:fleet-member": async (args) => (await import("./fleet.ts")).joinFleet(args),
  "role:delay-proxy": async (args) => (await import("./delay-proxy.ts")).delayProxy(args),
  "role:serve-watches": async () => (await import("./watch-server.ts")).serveWatches(),
  "role:watch-bare": async (args) => (await import("./memory-watch.ts")).holdWatches("watch-bare", args),
  "role:watch-engine": async (args) => (await import("./memory-watch.ts")).holdWatches("watch-engine", args),
  "role:watch-arrivals": async (args) => (await import("./latency-floor.ts")).watchArrivals(args),
  "role:drain-bare": async (args) => (await import("./memory.ts")).drainOnce("drain-bare", args),
  "role:drain-engine": async (args) => (await import("./memory.ts")).drainOnce("drain-engine", args),
};

const usage = `Usage: npm run bench [-- NAME... [--json]]

Prints ratios to a floor measured in the same run. NAME is one of these, or a prefix:
${Object.keys(benchmarks)
  .map((name) => `  ${name}\n`)
  .join("")}
  --json   one object per line: name, value, unit, floor, ratio
  --help   print this
`;

async function main(args: readonly string[]): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(args);
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = options;
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const unknown = positionals.filter((name) => !Object.keys(benchmarks).some((known) => known.startsWith(name)));
  if (unknown.length > 0) return wrong(`unknown benchmark ${unknown.map((name) => JSON.stringify(name)).join(", ")}`);
  const chosen = Object.entries(benchmarks).filter(
    ([name]) => positionals.length === 0 || positionals.some((prefix) => name.startsWith(prefix)),
  );
  if (!values.json) process.stdout.write(row("", "value", "floor", "ratio", "unit"));
  for (const [name, benchmark] of chosen) {
    for (const figure of [await benchmark(name)].flat())
      process.stdout.write(values.json ? json(figure) : text(figure));
  }
  return 0;
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
}

function wrong(message: string): number {
  process.stderr.write(`${message}\n\n${usage}`);
  return 2;
}

function json({ name, value, unit, floor, ratio }: Figure): string {
  return `${JSON.stringify({ name, value: rounded(value), unit, floor: rounded(floor), ratio: rounded(ratio) })}\n`;
}

function text({ name, value, unit, floor, ratio }: Figure): string {
  return row(name, grouped(value), grouped(floor), ratio.toFixed(2), unit);
}

const row = (name: string, value: string, floor: string, ratio: string, unit: string) =>
  `${name.padEnd(30)}${value.padStart(10)}${floor.padStart(10)}${ratio.padStart(8)}  ${unit}\n`;

/** Four significant digits. */
const rounded = (value: number) => Number(value.toPrecision(4));
const grouped = (value: number) => rounded(value).toLocaleString("en-US");

const [first = "", ...rest] = process.argv.slice(2);
const role = roles[first];
if (role) await role(rest);
else process.exitCode = await main(process.argv.slice(2));
