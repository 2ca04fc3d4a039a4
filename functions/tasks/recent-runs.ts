import { isTail, type Tail } from "../contract/tail.ts";

/** One of the last runs of a task, as its record keeps it. Times are in milliseconds since 1970. */
export interface RecentRun {
  /** The number of the run. A missing number is a run that was killed or fenced out before it committed. */
  readonly fence: number;
  readonly startedAt: number;
  /** From its start to its last commit. */
  readonly durationMs: number;
  /** Events handed to the activity. */
  readonly events: number;
  readonly wake: RunWake;
  readonly outcome: RunOutcome;
  /** The tail that it committed; undefined if that is longer than {@link maxTailBytes}. */
  readonly tail: Tail | undefined;
}

export type RunWake = keyof typeof wakeLetters;
export type RunOutcome = keyof typeof outcomeLetters;

/** At most this many runs are kept; fewer if they do not fit into {@link maxBytes}. */
const maxRuns = 5;
/** With ULIDs as tails five runs take 240, and the write of the record still costs one unit. */
const maxBytes = 256;
const maxTailBytes = 64;

const wakeLetters = {
  start: "s",
  signal: "g",
  child: "c",
  operator: "o",
  probe: "p",
  timer: "t",
  handOver: "h",
  rescue: "r",
} as const;

const outcomeLetters = {
  completed: "c",
  caughtUp: "u",
  canceled: "x",
  silentRetry: "s",
  silentRetryAfter: "a",
  retry: "r",
} as const;

/**
 * Adds a run to the text of the last runs, the newest first. Replaces an earlier entry of the same run: a watching run
 * commits many times.
 */
export function withRun(stored: string | undefined, run: RecentRun): string {
  let text = encode(run);
  let kept = 1;
  const own = text.slice(0, text.indexOf(".") + 1);
  // Works on the text without decoding it, for speed: each commit does this. It is all ASCII.
  for (const one of stored?.split(" ") ?? []) {
    if (one === "" || one.startsWith(own)) continue;
    if (kept === maxRuns || text.length + 1 + one.length > maxBytes) break;
    text += ` ${one}`;
    kept++;
  }
  return text;
}

/** The last runs, the newest first. Leaves out unreadable entries: nothing depends on them. */
export function recentRuns(stored: string | undefined): RecentRun[] {
  return (stored ?? "").split(" ").flatMap((text) => decode(text) ?? []);
}

/** `FENCE.START.MS.EVENTS.WO.TAIL`: numbers in base 36, one letter each for wake and outcome. */
function encode({ fence, startedAt, durationMs, events, wake, outcome, tail }: RecentRun): string {
  const numbers = [fence, startedAt, durationMs, events].map((number) => number.toString(36));
  const tailText = encodeURIComponent(tail ?? "");
  const kept = tailText.length <= maxTailBytes ? tailText : "";
  return [...numbers, wakeLetters[wake] + outcomeLetters[outcome], kept].join(".");
}

const pattern = /^([0-9a-z]{1,11})\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})\.([a-z])([a-z])\.(\S*)$/;

function decode(text: string): RecentRun | undefined {
  const [, fence, startedAt, durationMs, events, wakeLetter, outcomeLetter, tailText = ""] = pattern.exec(text) ?? [];
  const wake = nameOf(wakeLetters, wakeLetter);
  const outcome = nameOf(outcomeLetters, outcomeLetter);
  if (wake === undefined || outcome === undefined) return undefined;
  const number = (digits = "") => Number.parseInt(digits, 36);
  return {
    fence: number(fence),
    startedAt: number(startedAt),
    durationMs: number(durationMs),
    events: number(events),
    wake,
    outcome,
    tail: decodeTail(tailText),
  };
}

function nameOf<N extends string>(letters: Readonly<Record<N, string>>, letter: string | undefined): N | undefined {
  return (Object.keys(letters) as N[]).find((name) => letters[name] === letter);
}

function decodeTail(text: string): Tail | undefined {
  try {
    const tail = decodeURIComponent(text);
    return isTail(tail) ? tail : undefined;
  } catch {
    return undefined;
  }
}
