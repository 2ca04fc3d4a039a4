import type { About, Meter, MetricName } from "../../functions/engines/meter.ts";
import type { Ports } from "../../functions/engines/ports.ts";

export interface Measured {
  /** Each measurement of a metric, in order: value and dimensions. */
  of(name: MetricName): (readonly [value: number, about: About])[];
  /** The sum of a metric by the end of the last invocation. */
  readonly published: Partial<Record<MetricName, number>>;
  clear(): void;
}

/** Records the metrics of a world's engines. */
export function measuredIn({ ports }: { readonly ports: Ports }): Measured {
  const all: { readonly name: MetricName; readonly value: number; readonly about: About }[] = [];
  let published: Partial<Record<MetricName, number>> = {};
  const meter: Meter = {
    add: (name, value, about = {}) => {
      all.push({ name, value, about });
    },
    publish: () => {
      published = {};
      for (const { name, value } of all) published[name] = (published[name] ?? 0) + value;
    },
  };
  Object.assign(ports, { meter });
  return {
    of: (name) => all.filter((one) => one.name === name).map(({ value, about }) => [value, about]),
    get published() {
      return published;
    },
    clear: () => {
      all.length = 0;
    },
  };
}
