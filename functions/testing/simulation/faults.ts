import type { Random } from "./random.ts";

/** How often what goes wrong. Probabilities are per occasion, in [0, 1]. */
export interface Faults {
  /** An invocation is killed at some moment of its first hundred. */
  readonly kill: number;
  /** A process stands still at some moment: its event loop is blocked for up to 15 s. */
  readonly block: number;
  /** A process stands still for so long that its lease may end, and goes on as if nothing had been. */
  readonly freeze: number;
  /** A call to a service of AWS is throttled for longer than the SDK tries again. */
  readonly throttle: number;
  /** A call is carried out, but its caller is told that it has failed. */
  readonly unknownResult: number;
  /** The answer to a call is lost on its way, and the SDK makes the call once more. */
  readonly repeatedCall: number;
  /** Longest time that an index is behind its table, in milliseconds. */
  readonly indexLagMs: number;
  /** A bus event, queue message or schedule is lost. */
  readonly loseMessage: number;
  /** … comes twice. */
  readonly doubleMessage: number;
  /** … comes up to two minutes late. */
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
  /** A stream says nothing more, and does not end. */
  readonly stallStream: number;
  /** A stream takes up to 15 s for each message: its run comes to its deadline. */
  readonly slowStream: number;
  /** The clocks of two processes are at most so far apart, in milliseconds. */
  readonly skewMs: number;
  /** Each minute: the upstream goes out for up to four minutes. */
  readonly outage: number;
  /** Each minute: an aggregate's history is trimmed. */
  readonly trim: number;
  /** Each minute: an operator does something. */
  readonly operate: number;
  /** Each minute: the next version of the app is deployed. */
  readonly deploy: number;
}

/** Nothing goes wrong. */
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
  operate: 0,
  deploy: 0,
};

/** Everything goes wrong, some of it all the time. */
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
  operate: 0.3,
  deploy: 0.05,
};

const deadly = 0.6;

/**
 * Each fault at a rate of its own: with all of them at all times, some states are never reached. A third does not
 * happen at all, a third as in {@link manyFaults}, a third twice as often; and in one of ten most invocations die.
 */
export function drawnFaults(random: Random): Faults {
  const drawn = Object.entries(manyFaults).map(([name, rate]) => [name, rate * random.pick([0, 1, 2])]);
  return {
    ...(Object.fromEntries(drawn) as unknown as Faults),
    // The protocol allows no more than this.
    skewMs: random.pick([0, manyFaults.skewMs]),
    // Else hardly any task ever kills several invocations in a row (rule 8).
    ...(random.chance(0.1) && { kill: deadly }),
  };
}
