/** The public API for authors of activities and apps. */

export {
  type App,
  createApp,
  createCronHandler,
  createEagerHandler,
  createHandlers,
  createSignalsHandler,
  createWakeHandler,
} from "./app.ts";
export {
  type Activity,
  type ActivityDefinition,
  type ActivityOptions,
  defineActivity,
  defineProcessor,
  type ProcessorDefinition,
  type Run,
  type RunContext,
  type Task,
  type TaskStatus,
  task,
  type WokenBy,
} from "./contract/activity.ts";
export { isTailwakeError, TailwakeError, type TailwakeErrorCode } from "./contract/error.ts";
export {
  canceled,
  caughtUp,
  completed,
  type Decision,
  isSilentRetry,
  isSilentRetryAfter,
  type Outcome,
  retry,
  SilentRetry,
  SilentRetryAfter,
  silentRetry,
  silentRetryAfter,
} from "./contract/outcome.ts";
export { defineSignalSource, type SignalSource, type SignalSourceDefinition } from "./contract/signal-source.ts";
export {
  type AddressOf,
  type Batch,
  defineStream,
  type EventOf,
  type EventStream,
  type Recorded,
  type Stream,
  type StreamDefinition,
  type StreamPosition,
} from "./contract/stream.ts";
export { bytesOfEventId, type EventId, epoch, eventId, eventIdOfBytes, type Tail } from "./contract/tail.ts";
export type { Stored, ViewDefinition } from "./contract/view.ts";
export { type Bound, cron, eager, lazy } from "./engines/binding.ts";
export { jsonLogger, type LogFields, type Logger } from "./foundation/logger.ts";
export type { LambdaContext, LambdaHandler } from "./lambda/context.ts";
export { appSettings, readSettings, SettingsError, type SettingsProblem, setting } from "./settings.ts";
export { type SecretOptions, tokenFromEnvironment, tokenFromFile, tokenFromSecret } from "./upstream/token-source.ts";
export type { Upstream } from "./upstream/upstream.ts";
