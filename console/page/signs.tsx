import type { TaskStatus } from "../../functions/contract/activity.ts";
import type { Verdict } from "../../functions/operate/overview.ts";

/** A shape with a word, so that nothing depends on colour alone. The path is in a 12 by 12 square. */
interface Sign {
  readonly tone: "ok" | "busy" | "warn" | "bad" | "quiet";
  readonly path: string;
}

const square = "M2 2h8v8H2z";
const bars = "M2.5 2h2.5v8H2.5zM7 2h2.5v8H7z";
const diamond = "M6 1l5 5-5 5-5-5z";
const triangle = "M6 1.2L11.2 10.6H.8z";
const disc = "M6 1.5a4.5 4.5 0 110 9 4.5 4.5 0 010-9z";
const ring = `${disc}M6 3.5a2.5 2.5 0 100 5 2.5 2.5 0 000-5z`;
const play = "M3 1.5l7 4.5-7 4.5z";
const chevron = "M3.2 1.5h2.4L9.6 6l-4 4.5H3.2L7.2 6z";
const check = "M1.5 6.3l1.6-1.6 2 2 4-4.3 1.6 1.5-5.5 6z";
const octagon = "M4 1h4l3 3v4l-3 3H4L1 8V4z";

const ofStatus: Readonly<Record<TaskStatus, Sign>> = {
  ready: { tone: "busy", path: chevron },
  running: { tone: "busy", path: play },
  sleeping: { tone: "quiet", path: ring },
  retrying: { tone: "warn", path: diamond },
  parked: { tone: "bad", path: square },
  paused: { tone: "warn", path: bars },
  completed: { tone: "ok", path: check },
};

const ofVerdict: Readonly<Record<Verdict["level"], Sign>> = {
  ok: { tone: "ok", path: check },
  attention: { tone: "warn", path: triangle },
  stuck: { tone: "bad", path: octagon },
};

function Shape({ tone, path }: Sign) {
  return (
    <svg class={`shape ${tone}`} viewBox="0 0 12 12" aria-hidden="true">
      <path d={path} fill-rule="evenodd" />
    </svg>
  );
}

/** A word with a shape. */
export function Badge({ sign, children }: { readonly sign: Sign; readonly children: string }) {
  return (
    <span class={`badge ${sign.tone}`}>
      <Shape {...sign} />
      {children}
    </span>
  );
}

export const Status = ({ of }: { readonly of: TaskStatus }) => <Badge sign={ofStatus[of]}>{of}</Badge>;

/** A shape without a word: the verdict's sentence says the same. */
export const VerdictSign = ({ level }: { readonly level: Verdict["level"] }) => <Shape {...ofVerdict[level]} />;

export const signs = {
  good: { tone: "ok", path: disc },
  trying: { tone: "warn", path: diamond },
  held: { tone: "warn", path: bars },
  broken: { tone: "bad", path: octagon },
} as const satisfies Readonly<Record<string, Sign>>;
