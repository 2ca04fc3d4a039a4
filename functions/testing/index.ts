/** For the tests of authors: `tailwake/testing`. */

export type { LogEntry } from "../foundation/recording-logger.ts";
export { type CrashPointsGiven, type CrashPointsReport, testCrashPoints } from "./crash-points.ts";
export { historyOf, type ScriptedHistory, scriptedId, scriptedStart } from "./history.ts";
export { type InMemoryApp, type InMemoryOptions, type ServiceEvent, startInMemory } from "./in-memory-app.ts";
export { type RunGiven, type RunResult, runActivity } from "./run-activity.ts";
export type { Call, Reaction, Routes, RoutesOf } from "./scripted-server.ts";
export type { AggregateDefinition } from "./simulation/aggregate.ts";
export { type Faults, manyFaults, noFaults } from "./simulation/faults.ts";
export type { Random } from "./simulation/random.ts";
export {
  type Chance,
  type Scenario,
  type SimulationOptions,
  type SimulationReport,
  simulate,
} from "./simulation/simulate.ts";
export type { Violation } from "./simulation/violation.ts";
export { TestClock } from "./test-clock.ts";
