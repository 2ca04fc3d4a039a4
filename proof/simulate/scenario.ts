import { createApp } from "../../functions/app.ts";
import { type Activity, task } from "../../functions/contract/activity.ts";
import type { AddressOf, Stream } from "../../functions/contract/stream.ts";
import { type Bound, cron, eager, lazy } from "../../functions/engines/binding.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { AggregateDefinition } from "../../functions/testing/simulation/aggregate.ts";
import type { Random } from "../../functions/testing/simulation/random.ts";
import type { Chance, Scenario } from "../../functions/testing/simulation/simulate.ts";
import { Activities } from "./activities.ts";
import { drawnCrowd } from "./crowds.ts";
import { Families } from "./families.ts";
import { diary, diaryChanged, ledger, news } from "./streams.ts";

const upstream = { baseUrl: "http://127.0.0.1", protocol: "grpc" } as const;
const upstreams = { books: upstream, papers: upstream, quarry: upstream };

const event = (position: number) => position;
const inLedger = (id: string, maxEvents?: number): AggregateDefinition => ({
  stream: ledger,
  address: { id },
  event,
  ...(maxEvents !== undefined && { maxEvents }),
});
const inDiary = (id: string, maxEvents?: number): AggregateDefinition => ({
  ...inLedger(id, maxEvents),
  stream: diary,
  busEvent: diaryChanged(id),
});

/** The child of "e" never completes: it needs four events. */
const few: readonly AggregateDefinition[] = [
  inLedger("a"),
  inLedger("b"),
  inLedger("c-child"),
  inDiary("c"),
  inDiary("d", 15),
  inLedger("d-child"),
  inDiary("e", 5),
  inLedger("e-child", 3),
];

/** A month has this many minutes. */
const maxIntervalMinutes = 43_200;

/**
 * Every engine, both levels, children, crowds, and three versions of the app: one that binds the same activities to
 * other engines and intervals, and one that some activities have left.
 */
export function scenario(chance: Chance): Scenario {
  const { random } = chance;
  const activities = new Activities(chance);
  const families = new Families(activities);
  const reader = activities.reader(ledger, "reader");
  const fragile = activities.reader(ledger, "fragile", { parkAfterAttempts: 3 });
  const scribe = activities.reader(diary, "scribe");
  const slot = activities.reader(ledger, "slot");
  const closer = activities.closer();
  const parent = families.parent(closer);
  const caller = activities.caller();
  const steady = activities.steady();
  const crowd = drawnCrowd(chance, { closer, reader, steady, families });
  const circle = random.chance(0.1) ? random.pick([[families.hermit()], families.couple()]) : [];
  const rest = {
    upstreams,
    roots: crowd.roots,
    ...(random.chance(0.5) && { signalSources: [news] }),
  };
  const watching = random.chance(0.6) ? eager : lazy;
  const others = [...crowd.activities, lazy(steady), ...circle.map((one) => lazy(one))];
  const tally = (version: number) => activities.tally(ledger, "tally", version);
  const mirror = (version: number) => activities.tally(diary, "mirror", version);
  const first: Bound[] = [
    lazy(reader),
    lazy(fragile),
    lazy(scribe, { startOnSignal: true }),
    cron(slot, { everyMinutes: interval(random) }),
    lazy(closer),
    lazy(parent),
    lazy(caller),
    lazy(tally(1)),
    watching(mirror(1)),
  ];
  const second: Bound[] = [
    watching(reader),
    lazy(fragile),
    cron(scribe, { everyMinutes: interval(random) }),
    random.pick([lazy, watching, (one: Activity<typeof ledger>) => cron(one, { everyMinutes: interval(random) })])(
      slot,
    ),
    watching(closer),
    watching(parent),
    lazy(caller),
    lazy(tally(2)),
    lazy(mirror(2)),
  ];
  const stayed = first.filter(() => !random.chance(0.3));
  return {
    versions: [first, second, stayed].map((bound) => createApp({ ...rest, activities: [...bound, ...others] })),
    aggregates: [...few, ...crowd.aggregates],
    tasks: [
      ...[...first, ...circle.map((one) => lazy(one))].flatMap(({ activity }) => tasksOn(activity)),
      ...crowd.tasks,
    ],
    routes: (router) => router.service(Repos, { getRepo: () => ({}) }),
  };
}

/** Mostly a few minutes: longer ones have no slot while there are faults. */
const interval = (random: Random): number =>
  Math.round(random.chance(0.5) ? random.between(1, 5) : random.magnitude(1, maxIntervalMinutes));

const tasksOn = (activity: Activity) =>
  few
    .filter(({ stream }) => stream.kind === activity.stream.kind)
    .map(({ address }) => task(activity, address as AddressOf<Stream>));
