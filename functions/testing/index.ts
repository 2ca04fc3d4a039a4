/** For the tests of authors: `tailwake/testing`. */

export { type CutGiven, type CutReport, everyCut } from "./every-cut.ts";
export { historyOf, type ScriptedHistory, scriptedId, scriptedStart } from "./history.ts";
export { type InMemoryApp, type InMemoryOptions, type ServiceEvent, startInMemory } from "./in-memory-app.ts";
export type { LogEntry } from "./noted-log.ts";
export { type RunGiven, type RunResult, runActivity } from "./run-activity.ts";
export type { Call, Reaction, Routes, RoutesOf } from "./scripted-server.ts";
export { TestClock } from "./test-clock.ts";
