import { Metrics } from "@aws-lambda-powertools/metrics";
import type { Clock } from "../contract/clock.ts";
import { type Meter, type MetricName, metricUnits } from "../engines/meter.ts";

/** A holder's invocation takes a quarter of an hour: what it measures must not wait for its end. */
const longestHeldMs = 60_000;

/**
 * Measurements as CloudWatch takes them out of the log: one line of embedded metric format an invocation, or a minute, in
 * the namespace `Tailwake` with the dimension `service`.
 */
export function emfMeter(service: string, clock: Clock): Meter {
  const metrics = new Metrics({ namespace: "Tailwake", serviceName: service });
  const held = new Map<MetricName, number>();
  let since: number | undefined;
  const publish = () => {
    for (const [name, value] of held) metrics.addMetric(name, metricUnits[name], value);
    if (held.size > 0) metrics.publishStoredMetrics();
    held.clear();
    since = undefined;
  };
  return {
    add(name, value) {
      const before = held.get(name) ?? 0;
      held.set(name, metricUnits[name] === "Count" ? before + value : Math.max(before, value));
      since ??= clock.now();
      if (clock.now() - since >= longestHeldMs) publish();
    },
    publish,
  };
}
