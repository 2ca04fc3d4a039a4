import { useState } from "preact/hooks";
import { statusOf } from "../../functions/run/start.ts";
import type { TaskRecord } from "../../functions/tasks/record.ts";
import type { Lag, Problem, TaskDetails } from "../messages.ts";
import { Announced } from "./announced.tsx";
import { killLazy } from "./kill.ts";
import type { LiveState } from "./live.ts";
import { Operations } from "./operate.tsx";
import { getLag } from "./request.ts";
import { Badge, Status, signs } from "./signs.tsx";
import { operationsOf } from "./task-operations.ts";
import { Block, grouped, Text, Time, visible } from "./text.tsx";
import { Timeline } from "./timeline.tsx";
import { ViewText } from "./view-text.tsx";

export function TaskView({ name, live }: { readonly name: string; readonly live: LiveState }) {
  const task = live.task?.name === name ? live.task : undefined;
  const check = task?.check;
  return (
    <>
      <h1 tabIndex={-1} class="name">
        <Text of={name} max={300} />
      </h1>
      {task?.problem && (
        <p class="problem" role="alert">
          {visible(task.problem.message)}
        </p>
      )}
      {!task && <p class="empty">Reading the task…</p>}
      {check && (
        <>
          <Why check={check} />
          <TaskOperations record={check.record} live={live} />
          <div class="columns">
            <section aria-labelledby="runs">
              <h2 id="runs">Runs</h2>
              <Timeline check={check} />
            </section>
            <section aria-labelledby="state">
              <h2 id="state">State</h2>
              <Facts record={check.record} />
              <LagOf name={name} />
              <LastError record={check.record} />
              <h2>View</h2>
              <ViewText text={check.view} before={task.viewBefore} />
            </section>
          </div>
          <details>
            <summary>Full record</summary>
            <Block of={JSON.stringify(check.record, undefined, 2)} />
          </details>
        </>
      )}
    </>
  );
}

function TaskOperations({ record, live: { about } }: { readonly record: TaskRecord; readonly live: LiveState }) {
  const isKillable = about?.canKill === true && record.status === "running";
  const operations = [...operationsOf(record), ...(isKillable ? [killLazy] : [])];
  return operations.length > 0 ? <Operations label="Operate the task" of={operations} /> : null;
}

function Why({ check: { record, why } }: { readonly check: TaskDetails }) {
  const { next, needsOperator, sentence, reason } = why;
  return (
    <section class={needsOperator ? "why needed" : "why"} aria-label="Why">
      <Announced sentence={sentence} about={reason} />
      <p>
        <Status of={statusOf(record)} />
        {reason !== statusOf(record) && <Badge sign={needsOperator ? signs.broken : signs.good}>{reason}</Badge>}
      </p>
      <p class="sentence">
        <Text of={sentence} max={1_000} />
      </p>
      <p>
        {needsOperator && "An operator must act. "}
        {next !== undefined && (
          <>
            Next: <Time at={next} />
          </>
        )}
      </p>
    </section>
  );
}

function Facts({ record }: { readonly record: TaskRecord }) {
  const { engine, tail, attempts, strikes, rescues, leaseUntil, due, intervention, fence } = record;
  const facts: readonly (readonly [string, preact.ComponentChildren])[] = [
    ["Engine", engine],
    ["Tail", <code key="tail">{visible(tail)}</code>],
    ["Runs", grouped(fence)],
    ["Attempts in a row", grouped(attempts)],
    ["Strikes", grouped(strikes)],
    ["Rescues", grouped(rescues)],
    ["Lease ends", leaseUntil === undefined ? "no lease" : <Time key="lease" at={leaseUntil} />],
    ["Due", due === undefined ? "never" : <Time key="due" at={due} />],
  ];
  return (
    <>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {intervention && (
        <p>
          Last operator's action: {visible(intervention.action)} by <Text of={intervention.by} />,{" "}
          <Time at={intervention.at} />: <Text of={intervention.reason} />
        </p>
      )}
    </>
  );
}

/** Only on request, since it opens the task's stream. */
function LagOf({ name }: { readonly name: string }) {
  const [lag, setLag] = useState<Lag | Problem | "counting">();
  const count = () => {
    setLag("counting");
    getLag(name).then(setLag, setLag);
  };
  return (
    <p class="lag">
      <button type="button" onClick={count} disabled={lag === "counting"}>
        Count the events after the tail
      </button>{" "}
      <span role="status">{lag === undefined ? "" : lagText(lag)}</span>
    </p>
  );
}

function lagText(lag: Lag | Problem | "counting"): string {
  if (lag === "counting") return "Reading the stream…";
  if ("message" in lag) return visible(lag.message);
  if (lag.more) return `More than ${grouped(lag.events)} events behind.`;
  if (lag.events === 0) return "None: the task has caught up.";
  return `${grouped(lag.events)} behind; the head is ${visible(lag.head ?? "")}.`;
}

function LastError({ record: { error } }: { readonly record: TaskRecord }) {
  if (!error) return null;
  return (
    <>
      <h2>Last error</h2>
      <p>
        <Time at={error.at} />, after event <code>{visible(error.afterEvent)}</code>
      </p>
      <Block of={error.message} />
    </>
  );
}
