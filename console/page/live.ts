import { useEffect, useState } from "preact/hooks";
import type { About, Problem, Survey, SurveyMessage, TaskDetails, TaskMessage } from "../messages.ts";
import { now, setClock } from "./clock.ts";

/** The state of the connection. "over": the server no longer accepts this page. */
export interface Connection {
  readonly state: "connecting" | "live" | "lost" | "over";
  /** When it was lost or over. */
  readonly since: number | undefined;
}

/** One sample of the figures in the charts. */
export interface Sample {
  readonly at: number;
  readonly runsPerSecond: number;
  readonly notCaughtUp: number;
}

/** The data that the page has received. A failed read keeps the earlier data. */
export interface LiveState {
  readonly connection: Connection;
  readonly about: About | undefined;
  readonly survey: Survey | undefined;
  readonly surveyProblem: Problem | undefined;
  readonly samples: readonly Sample[];
  readonly task: LiveTask | undefined;
}

export interface LiveTask {
  readonly name: string;
  readonly check: TaskDetails | undefined;
  readonly problem: Problem | undefined;
  /** The view before its last change, if it changed while this page showed it. */
  readonly viewBefore: { readonly text: string; readonly changedAt: number } | undefined;
}

/** One hour, at one sample every 2 s. */
const maxSamples = 1_800;

const initial: LiveState = {
  connection: { state: "connecting", since: undefined },
  about: undefined,
  survey: undefined,
  surveyProblem: undefined,
  samples: [],
  task: undefined,
};

/** Listens to the server while the page is visible: a forgotten one must not cause reads of the table for days. */
export function useLive(task: string | undefined): LiveState {
  const [live, setLive] = useState(initial);
  const isVisible = useVisibility();
  useEffect(() => {
    if (!isVisible) return;
    const source = new EventSource(`api/live${task === undefined ? "" : `?task=${encodeURIComponent(task)}`}`);
    const change = (changed: (before: LiveState) => Partial<LiveState>) =>
      setLive((before) => ({ ...before, ...changed(before) }));
    const become = (state: Connection["state"]) =>
      change(({ connection }) => ({
        connection: { state, since: state === "live" ? undefined : (connection.since ?? now()) },
      }));
    source.onopen = () => become("live");
    // The browser reconnects by itself, unless the server has refused it.
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
  return live;
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

function afterSurvey(before: LiveState, { about, value, error }: SurveyMessage): Partial<LiveState> {
  if (error) return { about, surveyProblem: error };
  const sample = sampleOf(before.survey, value);
  const samples = sample ? [...before.samples, sample].slice(-maxSamples) : before.samples;
  return { about, survey: value, surveyProblem: undefined, samples };
}

function sampleOf(before: Survey | undefined, { overview, notCaughtUp }: Survey): Sample | undefined {
  const seconds = before ? (overview.at - before.overview.at) / 1_000 : 0;
  if (!before || seconds <= 0) return undefined;
  // Runs of a deleted task no longer count.
  const runs = Math.max(0, overview.runs - before.overview.runs);
  return { at: overview.at, runsPerSecond: runs / seconds, notCaughtUp };
}

function afterTask(before: LiveTask | undefined, name: string, { value, error, now: at }: TaskMessage): LiveTask {
  const last = before?.name === name ? before : undefined;
  if (error) return { name, check: last?.check, problem: error, viewBefore: last?.viewBefore };
  const isChanged = last?.check !== undefined && last.check.view !== value.view;
  const viewBefore = isChanged ? { text: last.check.view ?? "", changedAt: at } : last?.viewBefore;
  return { name, check: value, problem: undefined, viewBefore };
}
