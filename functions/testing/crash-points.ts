import type { Activity, Task } from "../contract/activity.ts";
import { TailwakeError } from "../contract/error.ts";
import type { AddressOf, EventOf, Recorded, Stream } from "../contract/stream.ts";
import { runBatch } from "../queue/batch.ts";
import { type TaskRecord, taskName } from "../tasks/record.ts";
import { clockSkewMs } from "../tasks/times.ts";
import { encodeBusEvent } from "../wake/envelope.ts";
import { isSignal, type WakeMessage } from "../wake/wake.ts";
import type { Call, Reaction, Routes } from "./scripted-server.ts";
import { type Moments, ScriptedWorld } from "./scripted-world.ts";
import { settle, TestClock } from "./test-clock.ts";

export interface CrashPointsGiven<S extends Stream> {
  readonly address: AddressOf<S>;
  /** The stream when the task starts. */
  readonly history: readonly Recorded<EventOf<S>>[];
  /** The services that the activity calls, created again for each replay. A handler appends what the real one would. */
  readonly routes?: Routes<EventOf<S>>;
  /** Another actor on the stream, which reacts to appended events. */
  readonly react?: Reaction<EventOf<S>>;
  /** When the task starts. Default 2026-01-01T00:00:00Z. */
  readonly now?: Date;
  /** Children that have completed; any other is ready. */
  readonly completedChildren?: readonly Task[];
  /**
   * The effect of a call, as a JSON value. Calls with equal effects count as one effect and its repetitions. Default:
   * method and request. Leave out values that differ between attempts, such as a fence that is passed on.
   */
  readonly effectOf?: (call: Call) => unknown;
}

export interface CrashPointsReport {
  /** Number of replays, each with one interruption. */
  readonly points: number;
  /** The effects of the uninterrupted life, in order, each once. */
  readonly effects: readonly unknown[];
}

/** An interruption of one life. */
interface CrashPoint {
  readonly what: string;
  readonly kind: "none" | "kill" | "deadline" | "deadlineAtEvent" | "split";
  /** The number of the moment or event; for a split, the position after which a message ends. */
  readonly at: number;
}

interface Life {
  readonly record: TaskRecord;
  readonly view: unknown;
  readonly effects: readonly string[];
  readonly ids: readonly string[];
  /** The moments at which it could have been killed, in words. */
  readonly moments: readonly string[];
  readonly events: number;
}

/** A life with more invocations counts as one that does not end. */
const maxInvocations = 1_000;
/** A life ends here, or when there is no further wake. */
const horizonMs = 90 * 86_400_000;

/**
 * Replays the life of a task, from its start until there is no further wake: once without interruption, and then once
 * for each point at which it can be interrupted. The interruptions are a kill before each event, and before and after
 * each call and each write; the deadline after each event, and before and after each call; and a message that ends after
 * each event. Timers fire by a simulated clock, so a life may last up to 90 days.
 *
 * Every life must end like the uninterrupted one, with the same effects, in the same order, each at least once. Throws a
 * `TailwakeError` ("crash-point-differs") that names the point and the difference, and the errors of failed deliveries.
 */
export async function testCrashPoints<S extends Stream>(
  activity: Activity<S>,
  given: CrashPointsGiven<S>,
): Promise<CrashPointsReport> {
  const uninterrupted = await live(activity, given, { what: "no interruption", kind: "none", at: -1 });
  const points: CrashPoint[] = [
    ...uninterrupted.moments.map((what, at): CrashPoint => ({ what: `a kill ${what}`, kind: "kill", at })),
    ...range(uninterrupted.events).map(
      (at): CrashPoint => ({ what: `the deadline after event ${at + 1}`, kind: "deadlineAtEvent", at }),
    ),
    ...uninterrupted.moments.flatMap((what, at): CrashPoint[] =>
      isOfCall(what) ? [{ what: `the deadline ${what}`, kind: "deadline", at }] : [],
    ),
    ...range(given.history.length).map(
      (at): CrashPoint => ({ what: `a message that ends after event ${at + 1}`, kind: "split", at }),
    ),
  ];
  for (const point of points) expectSame(activity, point, uninterrupted, await live(activity, given, point));
  return { points: points.length, effects: uninterrupted.effects.map((effect) => JSON.parse(effect)) };
}

const isOfCall = (moment: string) => /^(before|after) the call /.test(moment);
const range = (length: number) => Array.from({ length }, (_, i) => i);

async function live<S extends Stream>(
  activity: Activity<S>,
  given: CrashPointsGiven<S>,
  point: CrashPoint,
): Promise<Life> {
  const clock = new TestClock(given.now?.getTime());
  const moments: string[] = [];
  let events = 0;
  let hasBegun = false;
  let process = newProcess();
  /** Kills the process at the moment of the crash point: its promises never settle again. */
  const reach = async (what: string): Promise<void> => {
    const own = process;
    if (!hasBegun) return;
    if (own.isDead) return new Promise(() => {});
    if (moments.push(what) - 1 !== point.at) return;
    if (point.kind === "deadline") own.end();
    if (point.kind !== "kill") return;
    own.die();
    return new Promise(() => {});
  };
  const hooks: Moments = {
    async onEvent({ id }) {
      await reach(`before event ${id}`);
      if (point.kind === "deadlineAtEvent" && events === point.at + 1) process.end();
      events++;
    },
    around: (what, moment) => reach(`${moment} ${what}`),
  };
  const world = new ScriptedWorld({
    activity,
    address: given.address,
    history: given.history,
    clock,
    routes: given.routes as Routes<never> | undefined,
    react: given.react as Reaction<never> | undefined,
    moments: hooks,
    ...(point.kind === "split" && {
      perMessage: (position: number) => (position <= point.at ? point.at + 1 - position : 1_000),
    }),
  });
  for (const child of given.completedChildren ?? []) await world.seed(child, { status: "completed" });
  await world.seed({ activity, address: given.address });
  const mine = taskName(world.key);
  hasBegun = true;
  await world.alarms.send([{ class: "start", key: world.key, fence: 0 }]);
  const end = clock.now() + horizonMs;
  for (let invocations = 0; ; invocations++) {
    if (invocations === maxInvocations) throw unending(activity, point);
    const next = world.alarms.next ?? (await overdueAt(world));
    if (next === undefined || next > end) break;
    if (next > clock.now()) await clock.advance(next - clock.now());
    if (world.alarms.next === undefined) await world.alarms.send([{ class: "rescue", key: world.key }]);
    const wakes = world.alarms.take().filter((wake) => isSignal(wake) || taskName(wake.key) === mine);
    const failures = await Promise.race([
      runBatch(
        world.ports,
        wakes.map((wake, i) => ({ id: `message-${i}`, body: encodeBusEvent(wake) })),
        world.invocation(process.deadline.signal),
      ),
      process.died,
    ]);
    for (const error of failures?.values() ?? []) throw error;
    world.checkTails();
    await settle();
    if (!process.isDead && !process.deadline.signal.aborted) continue;
    if (process.isDead) await afterDeath(world, clock, wakes);
    process = newProcess();
  }
  const effects = [...world.calls.map((call) => JSON.stringify(given.effectOf?.(call) ?? call)), ...startsOf(world)];
  return {
    record: await world.record(),
    view: await world.view(),
    effects: [...new Set(effects)],
    ids: world.history.events.map(({ id }) => id),
    moments,
    events,
  };
}

function newProcess() {
  const deadline = new AbortController();
  const process = {
    isDead: false,
    die() {},
    died: Promise.resolve(undefined),
    deadline,
    end: () => deadline.abort(new DOMException("deadline", "AbortError")),
  };
  process.died = new Promise((resolve) => {
    process.die = () => {
      process.isDead = true;
      resolve(undefined);
    };
  });
  return process;
}

/** Repairs as the platform does: delivers the messages of a dead invocation again after its lease has ended. */
async function afterDeath(world: ScriptedWorld, clock: TestClock, wakes: readonly WakeMessage[]): Promise<void> {
  const { leaseUntil = 0 } = await world.record();
  clock.jump(Math.max(clock.now(), leaseUntil + clockSkewMs) + 1);
  await world.alarms.send([...wakes, { class: "rescue", key: world.key }]);
}

/** When a tick would wake a task whose wake was lost with its process; undefined if the task needs no wake. */
async function overdueAt(world: ScriptedWorld): Promise<number | undefined> {
  const { status, due } = await world.record();
  return status === "sleeping" || status === "completed" ? undefined : due;
}

const startsOf = ({ started }: ScriptedWorld) =>
  started.map(({ activity, address }) => JSON.stringify({ start: activity.name, address }));

function expectSame(activity: Activity, point: CrashPoint, uninterrupted: Life, life: Life): void {
  const differ = (what: string, expected: unknown, received: unknown) => {
    if (JSON.stringify(expected) === JSON.stringify(received)) return;
    throw new TailwakeError({
      code: "crash-point-differs",
      subject: `${what} of ${activity.name} after ${point.what}`,
      expected: JSON.stringify(expected),
      received: JSON.stringify(received),
    });
  };
  differ("the effects", uninterrupted.effects, life.effects);
  differ("the status", uninterrupted.record.status, life.record.status);
  // A repeated call may have appended more events. Then tail and view differ, as they would with the real server.
  if (JSON.stringify(uninterrupted.ids) !== JSON.stringify(life.ids)) return;
  differ("the tail", uninterrupted.record.tail, life.record.tail);
  differ("the view", uninterrupted.view, life.view);
}

function unending(activity: Activity, point: CrashPoint): TailwakeError {
  return new TailwakeError({
    code: "crash-point-differs",
    subject: `the life of ${activity.name} with ${point.what}`,
    expected: `an end within ${maxInvocations} invocations`,
    received: "another wake each time",
  });
}
