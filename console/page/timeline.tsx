import { isoTime, span } from "../../functions/operate/words.ts";
import type { RecentRun } from "../../functions/tasks/recent-runs.ts";
import type { TaskDetails } from "../messages.ts";
import { clockTime, grouped, Time, visible } from "./text.tsx";

/** The last runs of a task, newest first, below its next event, with the gaps between them. */
export function Timeline({ check: { record, runs, why } }: { readonly check: TaskDetails }) {
  const { status, fence, leaseUntil, startedAt } = record;
  const isRunning = status === "running";
  const newest = runs[0]?.fence ?? 0;
  // A watching run is recorded before it ends.
  const isRecorded = isRunning && newest === fence;
  const missingAbove = fence - newest - (isRunning && !isRecorded ? 1 : 0);
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
          <strong>Run {fence}</strong> is active
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
      {(oldest?.fence ?? 1) > 1 && <li class="gap">Earlier runs are not stored.</li>}
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
        <strong>Run {fence}</strong> {outcomeLabels[outcome]}
        <p>
          <span title={isoTime(startedAt)}>{clockTime(startedAt)}</span>, took{" "}
          {durationMs < 1_000 ? `${durationMs} ms` : span(durationMs)}, woken by {wakeLabels[wake]}, {grouped(events)}{" "}
          {events === 1 ? "event" : "events"}
        </p>
        <p class="tail">
          {tail === undefined
            ? "its tail is too long to store"
            : before?.tail === tail
              ? "the tail did not move"
              : `${before?.tail === undefined ? "" : `${visible(before.tail)} `}→ ${visible(tail)}`}
        </p>
      </li>
      {before && missing > 0 && <Missing from={before.fence + 1} to={fence - 1} />}
    </>
  );
}

/** Run numbers without a record. */
function Missing({ from, to }: { readonly from: number; readonly to: number }) {
  return (
    <li class="gap">
      {from === to ? `Run ${from}` : `Runs ${from} to ${to}`} left no record: killed, fenced out, or an operator's
      action.
    </li>
  );
}

const outcomeLabels: Readonly<Record<RecentRun["outcome"], string>> = {
  completed: "completed the task",
  caughtUp: "caught up",
  canceled: "handed over",
  silentRetry: "ended without progress, and retries",
  silentRetryAfter: "waits until a given time",
  retry: "failed",
};

const wakeLabels: Readonly<Record<RecentRun["wake"], string>> = {
  start: "its start",
  signal: "a signal",
  child: "a completed child",
  operator: "an operator",
  probe: "a probe",
  timer: "a timer",
  handOver: "a hand-over",
  rescue: "a tick's rescue",
};
