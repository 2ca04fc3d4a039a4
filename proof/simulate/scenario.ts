import { createApp } from "../../functions/app.ts";
import { cron, eager, lazy } from "../../functions/engines/binding.ts";
import type { Chance, Scenario } from "../../functions/testing/simulation/simulate.ts";
import { Activities } from "./activities.ts";
import { diary, ledger, news } from "./streams.ts";

const upstreams = { books: { baseUrl: "http://127.0.0.1", protocol: "grpc" } } as const;

/** Every engine, both levels, children, and two versions of the app with different bindings. */
export function scenario(chance: Chance): Scenario {
  const activities = new Activities(chance);
  const reader = activities.reader(ledger, "reader");
  const fragile = activities.reader(ledger, "fragile", { parkAfterAttempts: 3 });
  const scribe = activities.reader(diary, "scribe");
  const slot = activities.reader(ledger, "slot");
  const closer = activities.closer();
  const parent = activities.parent(closer);
  const rest = { upstreams, ...(chance.random.chance(0.5) && { signalSources: [news] }) };
  const hasEager = chance.random.chance(0.6);
  const watching = hasEager ? eager : lazy;
  // Its next slot may be far beyond a change to the second version.
  const seldom = (activity: Parameters<typeof cron>[0]) =>
    chance.random.chance(0.3) ? cron(activity, { everyMinutes: 60 }) : lazy(activity);
  const tally = (version: number) => activities.tally(ledger, "tally", version);
  const mirror = (version: number) => activities.tally(diary, "mirror", version);
  const first = createApp({
    ...rest,
    activities: [
      lazy(reader),
      lazy(fragile),
      seldom(scribe),
      cron(slot, { everyMinutes: 3 }),
      lazy(closer),
      lazy(parent),
      lazy(tally(1)),
      watching(mirror(1)),
    ],
  });
  const second = createApp({
    ...rest,
    activities: [
      watching(reader),
      lazy(fragile),
      cron(scribe, { everyMinutes: 2 }),
      lazy(slot),
      watching(closer),
      lazy(parent),
      lazy(tally(2)),
      lazy(mirror(2)),
    ],
  });
  const event = (position: number) => position;
  return {
    versions: [first, second],
    aggregates: [
      { stream: ledger, address: { id: "a" }, event },
      { stream: ledger, address: { id: "b" }, event },
      { stream: ledger, address: { id: "c-child" }, event },
      { stream: diary, address: { id: "c" }, event },
      { stream: diary, address: { id: "d" }, event, maxEvents: 15 },
      { stream: ledger, address: { id: "d-child" }, event },
    ],
  };
}
