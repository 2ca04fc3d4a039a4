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
  /**
   * The answer to a call never comes. The caller gives up after some seconds; the call is carried out then, up to six
   * minutes later, perhaps after its process has died, or never.
   */
  readonly unansweredCall: number;
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
  /** A signal names another aggregate. */
  readonly aliasSignal: number;
  /** Beside a signal comes one of an entity that no task has, or whose id is too long for a key of the table. */
  readonly strangeSignal: number;
  /** Per minute: an aggregate has up to a minute of signals without news, many per second. */
  readonly signalStorm: number;
  /** A stream breaks before a message. */
  readonly resetStream: number;
  /** A stream goes silent and does not end. */
  readonly stallStream: number;
  /** A stream takes up to 15 s per message, so that its run reaches the deadline. */
  readonly slowStream: number;
  /** A stream sends a message without events after one with events. */
  readonly emptyMessage: number;
  /** A stream sends its last event once more. Not promised to be survived: no drawn world has it. */
  readonly repeatEvent: number;
  /** A stream begins with the event that it was asked to begin after. Not promised to be survived, either. */
  readonly inclusiveStart: number;
  /** A unary call is refused by the upstream. */
  readonly refuseCall: number;
  /** Maximum difference of the clocks of two processes, in milliseconds. */
  readonly skewMs: number;
  /** The clock of a process is set during an invocation; `skewMs` still holds. */
  readonly clockStep: number;
  /** Per minute: an upstream goes out for up to four minutes, or refuses a part of the streams and calls. */
  readonly outage: number;
  /** Per minute: an aggregate's history is trimmed. */
  readonly trim: number;
  /** Per minute: the activities of some aggregates hang for up to ten minutes, until their invocations are killed. */
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
  unansweredCall: 0,
  indexLagMs: 0,
  loseMessage: 0,
  doubleMessage: 0,
  delayMessage: 0,
  loseTick: 0,
  doubleTick: 0,
  loseSignal: 0,
  aliasSignal: 0,
  strangeSignal: 0,
  signalStorm: 0,
  resetStream: 0,
  stallStream: 0,
  slowStream: 0,
  emptyMessage: 0,
  repeatEvent: 0,
  inclusiveStart: 0,
  refuseCall: 0,
  skewMs: 0,
  clockStep: 0,
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
  unansweredCall: 0.003,
  indexLagMs: 30_000,
  loseMessage: 0.05,
  doubleMessage: 0.05,
  delayMessage: 0.05,
  loseTick: 0.05,
  doubleTick: 0.1,
  loseSignal: 0.1,
  aliasSignal: 0.1,
  strangeSignal: 0.01,
  signalStorm: 0.02,
  resetStream: 0.03,
  stallStream: 0.005,
  slowStream: 0.04,
  emptyMessage: 0.05,
  repeatEvent: 0,
  inclusiveStart: 0,
  refuseCall: 0.1,
  skewMs: 5_000,
  clockStep: 0.05,
  outage: 0.03,
  trim: 0.05,
  hang: 0.02,
  operate: 0.3,
  deploy: 0.05,
};

/** The rate of kills in one of ten simulations. */
const manyKills = 0.6;

const maxIndexLagMs = 300_000;

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
    indexLagMs: random.pick([0, manyFaults.indexLagMs, maxIndexLagMs]),
    // Otherwise hardly any task would kill several invocations in a row (rule 8).
    ...(random.chance(0.1) && { kill: manyKills }),
  };
}

/**
 * The faults of a world in which some tasks ail and the others are watched: those that cost a task no more than a
 * delivery, so that the time that it may take follows from the rules.
 */
export function mildFaults(random: Random): Faults {
  const drawn = drawnFaults(random);
  return {
    ...noFaults,
    indexLagMs: Math.min(drawn.indexLagMs, 60_000),
    doubleMessage: drawn.doubleMessage,
    delayMessage: drawn.delayMessage / 5,
    doubleTick: drawn.doubleTick,
    aliasSignal: drawn.aliasSignal,
    strangeSignal: drawn.strangeSignal,
    signalStorm: drawn.signalStorm,
    emptyMessage: drawn.emptyMessage,
    skewMs: drawn.skewMs,
    clockStep: drawn.clockStep,
  };
}
