import { useMemo } from "preact/hooks";
import { type DiffLine, diffOf } from "../../functions/operate/line-diff.ts";
import type { LiveTask } from "./live.ts";
import { Block, Time, visible } from "./text.tsx";

const maxLength = 200_000;

/** The activity's view, or its last change. */
export function ViewText({
  text,
  before,
}: {
  readonly text: string | undefined;
  readonly before: LiveTask["viewBefore"];
}) {
  const lines = useMemo(() => (before ? diffOf(pretty(before.text), pretty(text ?? "")) : []), [text, before?.text]);
  if (before) {
    return (
      <>
        <p>
          Changed <Time at={before.changedAt} />:
        </p>
        <pre>
          {lines.map((line, i) => (
            <Line key={i} of={line} />
          ))}
        </pre>
      </>
    );
  }
  if (text === undefined) return <p class="empty">No view is stored: the activity has none, or has not run yet.</p>;
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
    return JSON.stringify(JSON.parse(text), undefined, 2).slice(0, maxLength);
  } catch {
    return text.slice(0, maxLength);
  }
}
