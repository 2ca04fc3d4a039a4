import { useMemo } from "preact/hooks";
import { type DiffLine, diffOf } from "../../functions/operate/line-diff.ts";
import type { HeardTask } from "./live.ts";
import { Block, Time, visible } from "./text.tsx";

const longest = 200_000;

/** The activity's view; once it has changed, what was changed. */
export function ViewText({
  text,
  before,
}: {
  readonly text: string | undefined;
  readonly before: HeardTask["viewBefore"];
}) {
  const lines = useMemo(() => (before ? diffOf(pretty(before.text), pretty(text ?? "")) : []), [text, before?.text]);
  if (before) {
    return (
      <>
        <p>
          It changed <Time at={before.changedAt} />:
        </p>
        <pre>
          {lines.map((line, i) => (
            <Line key={i} of={line} />
          ))}
        </pre>
      </>
    );
  }
  if (text === undefined) return <p class="empty">None is stored: the activity keeps none, or has not run yet.</p>;
  return <Block of={pretty(text)} />;
}

function Line({ of: { change, line } }: { readonly of: DiffLine }) {
  const text = `${visible(line, { lines: true })}\n`;
  if (change === "added") return <ins>+ {text}</ins>;
  if (change === "removed") return <del>- {text}</del>;
  return <>{`  ${text}`}</>;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2).slice(0, longest);
  } catch {
    return text.slice(0, longest);
  }
}
