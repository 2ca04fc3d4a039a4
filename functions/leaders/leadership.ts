import { describeError, describeValue, isTailwakeError, TailwakeError } from "../contract/error.ts";
import type { BoundApp, Ports } from "../engines/ports.ts";
import { rulesOf } from "../engines/rules.ts";
import type { Clock } from "../foundation/clock.ts";
import type { ControlStore } from "../tasks/control.ts";
import { isRoundPlace, type RoundPlace } from "../tasks/due-round.ts";
import { clockSkewMs } from "../tasks/times.ts";
import { eagerLeader, type LeaderName } from "../wake/leader-name.ts";

/** The interval of a leader's heartbeats. */
export const beatMs = 5_000;
/** How long a leader counts as alive after a heartbeat. */
const aliveMs = 15_000;

/**
 * The state of the leadership of a shard of the eager tasks, or of the signals (protocol rule 19). Each has at most one
 * leader at a time. Times are in milliseconds since 1970.
 *
 *     free ──claim──▶ led, a heartbeat every 5 s ──ask for a successor──▶ leaving ──release──▶ free
 *                       │                                                                       ▲
 *                       └── killed, frozen or blocked: no heartbeat for 15 s, and 5 s of skew ──┘
 *
 * A leader that was killed is replaced within 15 s + 5 s + 60 s (the next tick) + the start of a function.
 */
export interface LeaderState {
  /** Rises with each claim. */
  readonly epoch: number;
  readonly owner: string;
  readonly aliveUntil: number;
  /** The leader has asked for a successor, which may wait for the release. */
  readonly leaving?: boolean;
  /** The last epoch that was released: its runs have committed. */
  readonly released?: number;
  /** When it was released; absent if an earlier version of Tailwake released it. */
  readonly releasedAt?: number;
  /** Signals: when the next sweep of the sleeping tasks is due; absent if none is. */
  readonly sweepAt?: number | undefined;
  /** Signals: how far the sweep of `sweepAt` is; absent before it begins, and from an earlier version of Tailwake. */
  readonly sweep?: SweepPlace | undefined;
}

/** How far a sweep is. */
export interface SweepPlace extends RoundPlace {
  /** The `sweepAt` of the sweep. An earlier version, which begins at the first shard each time, changes only that. */
  readonly at: number;
  /** When every task is to be checked once more; absent if it is not. */
  readonly againAt?: number | undefined;
}

export function isFree(state: LeaderState | undefined, now: number): boolean {
  return state === undefined || state.released === state.epoch || state.aliveUntil + clockSkewMs < now;
}

/**
 * Measures, at a leader's first stream, how long there was no leader. If the predecessor still leads, as for the signals,
 * the gap is 0.
 */
export function measureGap({ clock, meter }: Pick<Ports, "clock" | "meter">, { before, claimedAt }: Leadership): void {
  if (!before) return;
  const lastSign = before.released === before.epoch ? (before.releasedAt ?? 0) : before.aliveUntil - aliveMs;
  // Unknown.
  if (lastSign <= 0) return;
  meter.add("HandOverGapMs", isFree(before, claimedAt) ? Math.max(0, clock.now() - lastSign) : 0);
}

/** Reads the state of a leadership. Throws a `TailwakeError` ("malformed-record") that names the field. */
export async function readLeader(
  control: ControlStore,
  name: LeaderName,
): Promise<{ readonly version: number; readonly state: LeaderState | undefined }> {
  const found = await control.read(leaderDocument(name));
  if (!found) return { version: 0, state: undefined };
  const fields = Object(found.value) as Record<string, unknown>;
  for (const [field, { expected, fits, optional }] of Object.entries(fieldsOfLeader)) {
    const value = fields[field];
    if (fits(value) || (optional && value === undefined)) continue;
    throw new TailwakeError({
      code: "malformed-record",
      subject: `leader ${name}, field ${field}`,
      expected,
      received: describeValue(value),
    });
  }
  return { version: found.version, state: found.value as LeaderState };
}

const count = { expected: "a whole number from 0", fits: (value: unknown) => isCount(value) };
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;

function isSweepPlace(value: unknown): boolean {
  const { at, againAt } = Object(value);
  return isRoundPlace(value) && isCount(at) && (againAt === undefined || isCount(againAt));
}

/** The checks of a stored state, by field, so that an error can name the field. */
const fieldsOfLeader: {
  readonly [F in keyof LeaderState]-?: {
    readonly expected: string;
    readonly fits: (value: unknown) => boolean;
    readonly optional?: true;
  };
} = {
  epoch: count,
  owner: { expected: "a text", fits: (value) => typeof value === "string" },
  aliveUntil: count,
  leaving: { expected: "true or false", fits: (value) => typeof value === "boolean", optional: true },
  released: { ...count, optional: true },
  releasedAt: { ...count, optional: true },
  sweepAt: { ...count, optional: true },
  sweep: { expected: "a place in the due index", fits: isSweepPlace, optional: true },
};

/**
 * The leadership, as its leader has it. Every write requires the version of the write before. So a leader that was
 * replaced notices at its next heartbeat or write, and never overwrites its successor's state.
 */
export class Leadership {
  readonly name: LeaderName;
  /** The state before the claim. */
  readonly before: LeaderState | undefined;
  /** In milliseconds since 1970. */
  readonly claimedAt: number;
  readonly #control: ControlStore;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  #state: LeaderState;
  #version: number;
  #writing: Promise<unknown> = Promise.resolve();
  #noted: Partial<LeaderState> = {};

  private constructor(
    control: ControlStore,
    clock: Clock,
    name: LeaderName,
    before: LeaderState | undefined,
    claimed: { readonly state: LeaderState; readonly version: number },
  ) {
    this.#control = control;
    this.#clock = clock;
    this.name = name;
    this.before = before;
    this.claimedAt = clock.now();
    this.#state = claimed.state;
    this.#version = claimed.version;
  }

  /** Claims the leadership; undefined if there is another leader, or another instance was first. */
  static async claim(
    { control, clock }: { readonly control: ControlStore; readonly clock: Clock },
    name: LeaderName,
    owner: string,
    mayReplace: (state: LeaderState | undefined, now: number) => boolean = isFree,
  ): Promise<Leadership | undefined> {
    const { version, state: before } = await readLeader(control, name);
    const now = clock.now();
    if (!mayReplace(before, now)) return undefined;
    // Keeps all other fields, including those of a newer version.
    const { leaving: _, ...kept } = before ?? {};
    const state: LeaderState = { ...kept, epoch: (before?.epoch ?? 0) + 1, owner, aliveUntil: now + aliveMs };
    const written = await control.write(leaderDocument(name), state, version);
    if (written !== undefined) return new Leadership(control, clock, name, before, { state, version: written });
    // The response to the write may have been lost, and the SDK sent the write again.
    const stored = await readLeader(control, name);
    const isOurs = stored.state?.owner === owner && stored.state.epoch === state.epoch;
    return isOurs ? new Leadership(control, clock, name, before, { state, version: stored.version }) : undefined;
  }

  get epoch(): number {
    return this.#state.epoch;
  }

  /** Whether this leader has asked for a successor, which may replace it. */
  get isLeaving(): boolean {
    return this.#state.leaving === true;
  }

  /** Aborts when another leader has replaced this one. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Writes a heartbeat every 5 s, until `signal` aborts or the leadership is lost. */
  async beat(signal: AbortSignal, log: Ports["log"]): Promise<void> {
    const ends = AbortSignal.any([signal, this.lost]);
    while (!ends.aborted) {
      await this.#clock.sleep(beatMs, ends);
      if (ends.aborted) return;
      try {
        await this.write({});
      } catch (error) {
        log.warn("leader did not beat", { leader: this.name, err: describeError(error) });
      }
    }
  }

  /** Records that a successor is about to start. False if the leadership is lost. */
  leave(): Promise<boolean> {
    return this.write({ leaving: true });
  }

  /** Releases the leadership: the next leader may claim it at once. False if it is lost. */
  release(): Promise<boolean> {
    return this.write({ released: this.epoch, releasedAt: this.#clock.now(), aliveUntil: 0 });
  }

  /** Changes the state with the next write, which is that of the next heartbeat at the latest. */
  note(changes: Partial<LeaderState>): void {
    this.#noted = { ...this.#noted, ...changes };
  }

  /** Changes the state, one write after another. False if the leadership is lost. */
  write(changes: Partial<LeaderState>): Promise<boolean> {
    const written = this.#writing.then(() => this.#write(changes));
    this.#writing = written.catch(() => {});
    return written;
  }

  async #write(changes: Partial<LeaderState>): Promise<boolean> {
    if (this.lost.aborted) return false;
    const noted = this.#noted;
    const state = { ...this.#state, ...noted, aliveUntil: this.#clock.now() + aliveMs, ...changes };
    const version = await this.#control.write(leaderDocument(this.name), state, this.#version);
    if (version === undefined) {
      const stored = await this.#read();
      // The response to an earlier write may have been lost.
      if (stored?.state?.epoch !== this.epoch) {
        this.#lost.abort();
        return false;
      }
      this.#version = stored.version;
      this.#state = stored.state;
      return this.#write(changes);
    }
    this.#state = state;
    this.#version = version;
    if (this.#noted === noted) this.#noted = {};
    return true;
  }

  /** Undefined for a state that this version cannot read: a later version leads. */
  async #read() {
    try {
      return await readLeader(this.#control, this.name);
    } catch (error) {
      if (!isTailwakeError(error, "malformed-record")) throw error;
      return undefined;
    }
  }
}

/** The leaders that an app needs: one for its signals, and one per shard if it has eager activities. */
function leadersOf({ bindings, limits, signalSources }: BoundApp): LeaderName[] {
  const isEager = [...bindings].some(({ engine }) => rulesOf(engine).runBy === "leader");
  const shards = Array.from({ length: isEager ? limits.eagerShards : 0 }, (_, i) => eagerLeader(i, limits.eagerShards));
  return signalSources.length > 0 ? ["signals", ...shards] : shards;
}

/**
 * Starts a leader where there is none; looks at all of them at once, since they are few. An instance that finds another
 * leader ends. Resolves to the number started.
 */
export async function startMissingLeaders(ports: Ports): Promise<number> {
  const { control, clock, alarms, log } = ports;
  let started = 0;
  await Promise.all(
    leadersOf(ports).map(async (name) => {
      try {
        if (!isFree((await readLeader(control, name)).state, clock.now())) return;
        await alarms.startLeader(name);
        started++;
      } catch (error) {
        log.error("leader not started", { leader: name, err: describeError(error) });
      }
    }),
  );
  return started;
}

/** The name of the control document of a leadership. */
export const leaderDocument = (name: LeaderName) => `holder#${name}`;
