import { Metrics } from "@aws-lambda-powertools/metrics";
import { type About, type Dimensions, type Meter, type MetricName, metrics } from "../engines/meter.ts";
import type { Clock } from "../foundation/clock.ts";

/** Publish measurements at least this often: a leader's invocation takes up to 15 minutes. */
const maxHeldMs = 60_000;
/** CloudWatch accepts 100 values of a metric in a line. At the 100th, Powertools prints on its own, too early. */
const maxValues = 99;

/** One line of the log: the metrics with the same dimensions. */
interface Line {
  readonly dimensions: Partial<Dimensions>;
  readonly values: Map<MetricName, number[]>;
  /** By the metric's name and the reason. */
  readonly reasons: Map<string, number>;
}

/**
 * Writes measurements to the log as CloudWatch reads them: lines of embedded metric format, one per invocation or per
 * minute for each set of dimensions, in the namespace `Tailwake`. Leaves out counts of 0, since even a zero makes a
 * metric that costs.
 */
export function emfMeter(service: string, clock: Clock): Meter {
  /** Built at the end of the first invocation, so that its first run need not wait for it. */
  let powertools: Metrics | undefined;
  const held = new Map<string, Line>();
  let waiting: AbortController | undefined;

  const print = (id: string, { dimensions, values, reasons }: Line) => {
    held.delete(id);
    powertools ??= new Metrics({ namespace: "Tailwake", serviceName: service });
    // Another set, with the service alone: alarms cannot add up the others.
    if (id !== "") powertools.addDimensions({}).addDimensions({ ...dimensions });
    for (const [reason, count] of reasons) powertools.addMetadata(reason, String(count));
    for (const [name, each] of values) {
      for (const value of each) powertools.addMetric(name, metrics[name].unit, value);
    }
    powertools.publishStoredMetrics();
  };
  const publish = () => {
    waiting?.abort();
    waiting = undefined;
    for (const [id, line] of held) print(id, line);
  };
  const publishLater = () => {
    waiting = new AbortController();
    const { signal } = waiting;
    void clock.sleep(maxHeldMs, signal).then(() => {
      if (!signal.aborted) publish();
    });
  };

  return {
    add(name, value, about = {}) {
      const { keeps } = metrics[name];
      if (keeps === "sum" && value === 0) return;
      const dimensions = dimensionsOf(name, about);
      const id = Object.values(dimensions).join("/");
      const line = held.get(id) ?? { dimensions, values: new Map(), reasons: new Map() };
      held.set(id, line);
      const { values, reasons } = line;
      const before = values.get(name);
      if (!before) values.set(name, [value]);
      else if (keeps === "each") before.push(value);
      else before[0] = keeps === "sum" ? (before[0] ?? 0) + value : Math.max(before[0] ?? value, value);
      if (about.why !== undefined) {
        const reason = `${name}_${about.why}`;
        reasons.set(reason, (reasons.get(reason) ?? 0) + value);
      }
      if (before?.length === maxValues) print(id, line);
      if (!waiting) publishLater();
    },
    publish,
  };
}

function dimensionsOf(name: MetricName, about: About): Partial<Dimensions> {
  const metric = metrics[name];
  const names: readonly (keyof Dimensions)[] = "by" in metric ? metric.by : [];
  return Object.fromEntries(names.flatMap((one) => (about[one] === undefined ? [] : [[one, about[one]]])));
}
