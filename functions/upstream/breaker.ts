import { describeValue, TailwakeError } from "../contract/error.ts";

/** Failures in a row, in one process, that trip an upstream's breaker. */
export const failuresToOpen = 5;
const firstOpenMs = 5_000;
const maxOpenMs = 300_000;
/** A trial that has not reported after this time is considered lost. */
const trialMs = 60_000;

/**
 * The circuit breaker of an upstream, shared by all functions (protocol rule 12). Times are in milliseconds since 1970,
 * durations in milliseconds.
 *
 *     closed ──5 failures in a row──▶ open until T ──T──▶ half-open: one trial ──its stream opens──▶ closed
 *                                       ▲                       │
 *                                       └──── twice as long ────┘ it fails
 *
 * Half-open is the state "open" with `trialUntil`. `paused` is a separate flag, which an operator sets.
 */
export interface BreakerState {
  readonly state: "closed" | "open";
  /** Open: when a half-open trial may begin. */
  readonly until: number;
  /** Open: for how long, d. Tasks that have to wait retry spread over [d/2, d] after `until`. */
  readonly openMs: number;
  /** Times it was tripped since it was last closed. */
  readonly trips: number;
  /** Open: the error that tripped it. */
  readonly reason?: string;
  /** Half-open: when the trial under way is considered lost. */
  readonly trialUntil?: number;
  readonly paused?: { readonly at: number; readonly reason: string };
}

export const closedBreaker: BreakerState = { state: "closed", until: 0, openMs: 0, trips: 0 };

/**
 * Opens the breaker: for 5 s, doubled with each trip, at most 5 min, with jitter in [d/2, d]. `random` is in [0, 1).
 */
export function trip(before: BreakerState, now: number, random: number, reason: string): BreakerState {
  const full = Math.min(maxOpenMs, firstOpenMs * 2 ** before.trips);
  const openMs = Math.round(full / 2 + (full / 2) * random);
  return { ...kept(before), state: "open", until: Math.ceil(now + openMs), openMs, trips: before.trips + 1, reason };
}

/** Begins a half-open trial; undefined if it is too early, or if another trial is under way. */
export function beginTrial(before: BreakerState, now: number): BreakerState | undefined {
  if (before.state !== "open" || now < before.until || (before.trialUntil ?? 0) > now) return undefined;
  return { ...before, trialUntil: Math.ceil(now + trialMs) };
}

export function close(before: BreakerState): BreakerState {
  return { ...kept(before), ...closedBreaker };
}

export function pause(before: BreakerState, at: number, reason: string): BreakerState {
  return { ...before, paused: { at, reason } };
}

export function unpause({ paused: _, ...before }: BreakerState): BreakerState {
  return before;
}

/** When a task that may not run now retries: after the trial, spread over [d/2, d]. `random` is in [0, 1). */
export function retryAt(breaker: BreakerState, now: number, random: number): number {
  const earliest = Math.max(now, breaker.until, breaker.trialUntil ?? 0);
  return Math.round(earliest + breaker.openMs / 2 + (breaker.openMs / 2) * random);
}

/** The fields that trip and close keep: an operator's pause, and fields that a newer version may have added. */
const kept = ({ reason: _reason, trialUntil: _until, ...rest }: BreakerState) => rest;

/** The stored form of a state: there, `trialUntil` has the name that versions until 0.2.0 gave it. */
export function encodeBreaker(state: BreakerState): object {
  return Object.fromEntries(
    Object.entries(state).map(([field, value]) => [field === "trialUntil" ? "canaryUntil" : field, value]),
  );
}

/** Reads a stored state. Throws a `TailwakeError` ("malformed-record") that names the field. */
export function decodeBreaker(upstream: string, value: unknown): BreakerState {
  const fields = Object(value) as Record<string, unknown>;
  const check = (name: string, expected: string, fits: boolean) => {
    if (fits) return;
    throw new TailwakeError({
      code: "malformed-record",
      subject: `breaker of upstream ${upstream}, field ${name}`,
      expected,
      received: describeValue(fields[name]),
    });
  };
  check("state", "closed or open", fields.state === "closed" || fields.state === "open");
  for (const name of ["until", "openMs", "trips"]) check(name, "a whole number", Number.isSafeInteger(fields[name]));
  const { canaryUntil: trialUntil, ...state } = fields;
  check("canaryUntil", "a time", trialUntil === undefined || Number.isSafeInteger(trialUntil));
  check("paused", "when and why", fields.paused === undefined || typeof fields.paused === "object");
  return (trialUntil === undefined ? state : { ...state, trialUntil }) as unknown as BreakerState;
}
