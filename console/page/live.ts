import { useEffect, useState } from "preact/hooks";
import type { About, Problem, Survey, SurveyMessage, TaskDetails, TaskMessage } from "../messages.ts";
import { now, setClock } from "./clock.ts";

/** Whether what is shown is of now. "over": the server does not know this page any more. */
export interface Connection {
  readonly state: "connecting" | "live" | "lost" | "over";
  /** Lost or over: since when. */
  readonly since: number | undefined;
}

/** A look at the figures that charts show. */
export interface Sample {
  readonly at: number;
  readonly runsPerSecond: number;
  readonly notCaughtUp: number;
}

/** What the page has heard. What could not be read leaves what was read before. */
export interface Heard {
  readonly connection: Connection;
  readonly about: About | undefined;
  readonly survey: Survey | undefined;
  readonly surveyProblem: Problem | undefined;
  readonly samples: readonly Sample[];
  readonly task: HeardTask | undefined;
}

export interface HeardTask {
  readonly name: string;
  readonly check: TaskDetails | undefined;
  readonly problem: Problem | undefined;
  /** The view before it changed while this page showed it. */
  readonly viewBefore: { readonly text: string; readonly changedAt: number } | undefined;
}

/** An hour, at one look each 2 s. */
const maxSamples = 1_800;

const nothing: Heard = {
  connection: { state: "connecting", since: undefined },
  about: undefined,
  survey: undefined,
  surveyProblem: undefined,
  samples: [],
  task: undefined,
};

/** Listens to the server while the page is to be seen: a forgotten one must not have the table read for days. */
export function useLive(task: string | undefined): Heard {
  const [heard, setHeard] = useState(nothing);
  const isVisible = useVisibility();
  useEffect(() => {
    if (!isVisible) return;
    const source = new EventSource(`api/live${task === undefined ? "" : `?task=${encodeURIComponent(task)}`}`);
    const change = (changed: (before: Heard) => Partial<Heard>) =>
      setHeard((before) => ({ ...before, ...changed(before) }));
    const become = (state: Connection["state"]) =>
      change(({ connection }) => ({
        connection: { state, since: state === "live" ? undefined : (connection.since ?? now()) },
      }));
    source.onopen = () => become("live");
    // It tries again by itself, unless the server has answered and refused it.
    source.onerror = () => become(source.readyState === EventSource.CLOSED ? "over" : "lost");
    source.addEventListener("survey", ({ data }) => {
      const message: SurveyMessage = JSON.parse(data);
      setClock(message.now);
      change((before) => afterSurvey(before, message));
    });
    source.addEventListener("task", ({ data }) => {
      const message: TaskMessage = JSON.parse(data);
      setClock(message.now);
      change((before) => ({ task: afterTask(before.task, task ?? "", message) }));
    });
    return () => source.close();
  }, [task, isVisible]);
  return heard;
}

function useVisibility(): boolean {
  const [isVisible, setVisible] = useState(!document.hidden);
  useEffect(() => {
    const change = () => setVisible(!document.hidden);
    document.addEventListener("visibilitychange", change);
    return () => document.removeEventListener("visibilitychange", change);
  }, []);
  return isVisible;
}

function afterSurvey(before: Heard, { about, value, error }: SurveyMessage): Partial<Heard> {
  if (error) return { about, surveyProblem: error };
  const sample = sampleOf(before.survey, value);
  const samples = sample ? [...before.samples, sample].slice(-maxSamples) : before.samples;
  return { about, survey: value, surveyProblem: undefined, samples };
}

function sampleOf(before: Survey | undefined, { overview, notCaughtUp }: Survey): Sample | undefined {
  const seconds = before ? (overview.at - before.overview.at) / 1_000 : 0;
  if (!before || seconds <= 0) return undefined;
  // Runs of a task that was deleted are counted no more.
  const runs = Math.max(0, overview.runs - before.overview.runs);
  return { at: overview.at, runsPerSecond: runs / seconds, notCaughtUp };
}

function afterTask(before: HeardTask | undefined, name: string, { value, error, now: at }: TaskMessage): HeardTask {
  const last = before?.name === name ? before : undefined;
  if (error) return { name, check: last?.check, problem: error, viewBefore: last?.viewBefore };
  const isChanged = last?.check !== undefined && last.check.view !== value.view;
  const viewBefore = isChanged ? { text: last.check.view ?? "", changedAt: at } : last?.viewBefore;
  return { name, check: value, problem: undefined, viewBefore };
}
