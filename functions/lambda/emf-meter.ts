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
  let since: number | undefined;
  const publish = () => {
    if (since !== undefined) metrics.publishStoredMetrics();
    since = undefined;
  };
  return {
    add(name: MetricName, value) {
      since ??= clock.now();
      metrics.addMetric(name, metricUnits[name], value);
      if (clock.now() - since >= longestHeldMs) publish();
    },
    publish,
  };
}
