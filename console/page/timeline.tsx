import { span } from "../../functions/operate/words.ts";
import type { RecentRun } from "../../functions/tasks/recent-runs.ts";
import type { TaskDetails } from "../messages.ts";
import { clockTime, grouped, Time, visible } from "./text.tsx";

/** The last runs of a task, the latest first, with what comes next above them and the gaps between them. */
export function Timeline({ check: { record, runs, why } }: { readonly check: TaskDetails }) {
  const { status, fence, leaseUntil, startedAt } = record;
  const isRunning = status === "running";
  const newest = runs[0]?.fence ?? 0;
  // A watching run has left word of itself before it ends.
  const isNoted = isRunning && newest === fence;
  const missingAbove = fence - newest - (isRunning && !isNoted ? 1 : 0);
  const oldest = runs.at(-1);
  return (
    <ol class="timeline" reversed>
      {why.next !== undefined && (
        <li class="next">
          <strong>Next</strong> <Time at={why.next} />
        </li>
      )}
      {isRunning && (
        <li class="running">
          <strong>Run {fence}</strong> is under way
          {leaseUntil !== undefined && (
            <p>
              its lease ends <Time at={leaseUntil} />
            </p>
          )}
        </li>
      )}
      {missingAbove > 0 && <Missing from={newest + 1} to={newest + missingAbove} />}
      {runs.map((run, i) => (
        <Run key={run.fence} run={run} before={runs[i + 1]} />
      ))}
      {(oldest?.fence ?? 1) > 1 && <li class="gap">Earlier runs are not kept.</li>}
      <li class="begin">
        Started <Time at={startedAt} />
      </li>
    </ol>
  );
}

function Run({ run, before }: { readonly run: RecentRun; readonly before: RecentRun | undefined }) {
  const { fence, outcome, startedAt, durationMs, wake, events, tail } = run;
  const isFailure = outcome === "retry" || outcome === "silentRetry";
  const missing = before ? fence - before.fence - 1 : 0;
  return (
    <>
      <li class={isFailure ? "failed" : outcome === "completed" ? "completed" : "ended"}>
        <strong>Run {fence}</strong> {outcomeWords[outcome]}
        <p>
          <span title={new Date(startedAt).toISOString()}>{clockTime(startedAt)}</span>, took{" "}
          {durationMs < 1_000 ? `${durationMs} ms` : span(durationMs)}, woken by {wakeWords[wake]}, {grouped(events)}{" "}
          {events === 1 ? "event" : "events"}
        </p>
        <p class="tail">
          {tail === undefined
            ? "its tail is too long to be kept"
            : before?.tail === tail
              ? "the tail did not move"
              : `${before?.tail === undefined ? "" : `${visible(before.tail)} `}→ ${visible(tail)}`}
        </p>
      </li>
      {before && missing > 0 && <Missing from={before.fence + 1} to={fence - 1} />}
    </>
  );
}

/** Numbers that no run has left word of. */
function Missing({ from, to }: { readonly from: number; readonly to: number }) {
  return (
    <li class="gap">
      {from === to ? `Number ${from}` : `Numbers ${from} to ${to}`} left nothing: killed or fenced out, or an operator
      moved the task on.
    </li>
  );
}

const outcomeWords: Readonly<Record<RecentRun["outcome"], string>> = {
  completed: "completed the task",
  caughtUp: "caught up",
  canceled: "handed over",
  silentRetry: "ends without progress, and tries again",
  silentRetryAfter: "waits for a time",
  retry: "failed",
};

const wakeWords: Readonly<Record<RecentRun["wake"], string>> = {
  start: "its start",
  signal: "a signal",
  child: "a child's end",
  operator: "an operator",
  probe: "a probe",
  timer: "a timer",
  handOver: "a hand-over",
  rescue: "a tick's rescue",
};
