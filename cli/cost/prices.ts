/**
 * List prices in dollars: us-east-1, on demand, arm64, first tiers, without free tiers. Check them before relying on
 * them.
 */
export const pricesOf = "November 2026";

export interface Price {
  readonly dollars: number;
  /** Number of units for this price. */
  readonly per: number;
  readonly what: string;
}

export const prices = {
  busEvents: { dollars: 1, per: 1e6, what: "bus events, up to 64 KB each" },
  queueRequests: { dollars: 0.4, per: 1e6, what: "SQS requests, up to 64 KB each; a batch of ten is one" },
  schedulerRuns: { dollars: 1, per: 1e6, what: "invocations by Scheduler" },
  invocations: { dollars: 0.2, per: 1e6, what: "Lambda invocations" },
  gbSeconds: { dollars: 13.3334, per: 1e6, what: "GB-seconds of Lambda" },
  writeUnits: { dollars: 0.625, per: 1e6, what: "DynamoDB write units, 1 KB each" },
  readUnits: { dollars: 0.125, per: 1e6, what: "DynamoDB read units, 4 KB each; half a unit if eventually consistent" },
  logGb: { dollars: 0.5, per: 1, what: "GB of ingested logs" },
  alarms: { dollars: 0.1, per: 1, what: "alarm and month" },
  dashboards: { dollars: 3, per: 1, what: "dashboard and month after the first three" },
  metrics: { dollars: 0.3, per: 1, what: "custom metric and month" },
} as const satisfies Readonly<Record<string, Price>>;

export type Meter = keyof typeof prices;
/** Quantity by meter. */
export type Usage = Readonly<Partial<Record<Meter, number>>>;

const meters = Object.keys(prices) as Meter[];

export function dollars(usage: Usage): number {
  return meters.reduce((sum, meter) => sum + ((usage[meter] ?? 0) * prices[meter].dollars) / prices[meter].per, 0);
}

export function add(...usages: readonly Usage[]): Usage {
  return Object.fromEntries(
    meters.map((meter) => [meter, usages.reduce((sum, usage) => sum + (usage[meter] ?? 0), 0)]),
  );
}

export function times(usage: Usage, factor: number): Usage {
  return Object.fromEntries(meters.map((meter) => [meter, (usage[meter] ?? 0) * factor]));
}

/** The usage of some meters only. */
export function only(usage: Usage, ...kept: readonly Meter[]): Usage {
  return Object.fromEntries(kept.map((meter) => [meter, usage[meter] ?? 0]));
}
