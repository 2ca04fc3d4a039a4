import type { Random } from "./random.ts";

/** The rates of the faults of a simulation. A number without a unit is a probability per occasion, in [0, 1]. */
export interface Faults {
  /** An invocation is killed at one of its first hundred moments. */
  readonly kill: number;
  /** A process is blocked: its event loop stops for up to 15 s. */
  readonly block: number;
  /** A process is frozen for so long that its lease may end, and then goes on. */
  readonly freeze: number;
  /** A call to a service of AWS is throttled for longer than the SDK retries. */
  readonly throttle: number;
  /** A call is carried out, but the caller gets an error. */
  readonly unknownResult: number;
  /** The response to a call is lost, and the SDK makes the call again. */
  readonly repeatedCall: number;
  /** Maximum lag of an index behind its table, in milliseconds. */
  readonly indexLagMs: number;
  /** A bus event, queue message or schedule is lost. */
  readonly loseMessage: number;
  /** A bus event, queue message or schedule comes twice. */
  readonly doubleMessage: number;
  /** A bus event or queue message comes up to two minutes late. */
  readonly delayMessage: number;
  /** A tick does not come. */
  readonly loseTick: number;
  /** A tick comes twice. */
  readonly doubleTick: number;
  /** A signal of the upstream is lost. */
  readonly loseSignal: number;
  /** A signal names another aggregate, or the aggregate without its kind. */
  readonly aliasSignal: number;
  /** A stream breaks before a message. */
  readonly resetStream: number;
  /** A stream goes silent and does not end. */
  readonly stallStream: number;
  /** A stream takes up to 15 s per message, so that its run reaches the deadline. */
  readonly slowStream: number;
  /** Maximum difference of the clocks of two processes, in milliseconds. */
  readonly skewMs: number;
  /** Per minute: the upstream goes out for up to four minutes. */
  readonly outage: number;
  /** Per minute: an aggregate's history is trimmed. */
  readonly trim: number;
  /** Per minute: the activities of half of the aggregates hang for up to ten minutes, until their invocations are killed. */
  readonly hang: number;
  /** Per minute: an operator acts on a task or an upstream. */
  readonly operate: number;
  /** Per minute: the next version of the app is deployed. */
  readonly deploy: number;
}

/** No faults. */
export const noFaults: Faults = {
  kill: 0,
  block: 0,
  freeze: 0,
  throttle: 0,
  unknownResult: 0,
  repeatedCall: 0,
  indexLagMs: 0,
  loseMessage: 0,
  doubleMessage: 0,
  delayMessage: 0,
  loseTick: 0,
  doubleTick: 0,
  loseSignal: 0,
  aliasSignal: 0,
  resetStream: 0,
  stallStream: 0,
  slowStream: 0,
  skewMs: 0,
  outage: 0,
  trim: 0,
  hang: 0,
  operate: 0,
  deploy: 0,
};

/** All faults, each at a rate that a simulation recovers from. */
export const manyFaults: Faults = {
  kill: 0.12,
  block: 0.08,
  freeze: 0.04,
  throttle: 0.01,
  unknownResult: 0.015,
  repeatedCall: 0.015,
  indexLagMs: 30_000,
  loseMessage: 0.05,
  doubleMessage: 0.05,
  delayMessage: 0.05,
  loseTick: 0.05,
  doubleTick: 0.1,
  loseSignal: 0.1,
  aliasSignal: 0.1,
  resetStream: 0.03,
  stallStream: 0.005,
  slowStream: 0.04,
  skewMs: 5_000,
  outage: 0.03,
  trim: 0.05,
  hang: 0.02,
  operate: 0.3,
  deploy: 0.05,
};

/** The rate of kills in one of ten simulations. */
const manyKills = 0.6;

/**
 * Draws a rate for each fault: with all faults at all times, some states are never reached. Each is 0, that of
 * {@link manyFaults}, or twice that, with equal chance. In one of ten simulations most invocations die.
 */
export function drawnFaults(random: Random): Faults {
  const drawn = Object.entries(manyFaults).map(([name, rate]) => [name, rate * random.pick([0, 1, 2])]);
  return {
    ...(Object.fromEntries(drawn) as unknown as Faults),
    // The protocol allows no larger difference.
    skewMs: random.pick([0, manyFaults.skewMs]),
    // Otherwise hardly any task would kill several invocations in a row (rule 8).
    ...(random.chance(0.1) && { kill: manyKills }),
  };
}
