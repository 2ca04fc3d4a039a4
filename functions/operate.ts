/**
 * For operators' programs, such as `npx tailwake` and its console: a desk over a deployed app, and its words for
 * people.
 */

import { type App, createPorts } from "./app.ts";
import { noMeter } from "./engines/meter.ts";
import type { Logger } from "./foundation/logger.ts";
import { Desk } from "./operate/desk.ts";
import { appSettings, type Environment, readSettings } from "./settings.ts";

export type { TaskStatus } from "./contract/activity.ts";
export { describeError, describeValue } from "./contract/error.ts";
export { type Clock, systemClock } from "./foundation/clock.ts";
export { isUtf8 } from "./foundation/text.ts";
export { isFree } from "./leaders/leadership.ts";
export type { Action, Note } from "./operate/actions.ts";
export { Desk, type Engines, type Lag, type SeenEvent, type TaskDetails } from "./operate/desk.ts";
export { type Filter, fits } from "./operate/filter.ts";
export { type BulkAction, filterWords, inBulk, tasksFor } from "./operate/in-bulk.ts";
export { type DiffLine, diffOf } from "./operate/line-diff.ts";
export type { Operators } from "./operate/operators.ts";
export type { Overview, Verdict } from "./operate/overview.ts";
export { printable, unprintable } from "./operate/printable.ts";
export type { RecordedCall } from "./operate/recording-transport.ts";
export { type Rehearsal, rehearse, rehearseStart } from "./operate/rehearse.ts";
export { type Replay, replay } from "./operate/replay.ts";
export { bindingNamed, startAt, taskAt, taskOf } from "./operate/start-by-name.ts";
export { tailAt } from "./operate/tail-at.ts";
export { overdueMs, tickIsMissingMs, type Why } from "./operate/why.ts";
export { ago, at, isoTime, span } from "./operate/words.ts";
export { statusOf } from "./run/start.ts";
export { tableShape } from "./tasks/dynamodb-table.ts";
export { ledBy } from "./tasks/lease-token.ts";
export { type RecentRun, recentRuns } from "./tasks/recent-runs.ts";
export { parseTaskName, type TaskRecord, taskName } from "./tasks/record.ts";
export { detailTypes, wakeSource } from "./wake/wake.ts";

/**
 * A desk over the app that the environment of one of its functions names. The AWS clients read credentials, region and
 * endpoints from `process.env`, as always. The engines log to `log` and measure nothing. Throws one `SettingsError`.
 */
export function createDesk(app: App, environment: Environment, log: Logger): Desk {
  const ports = createPorts(app, readSettings(environment, appSettings), { log, meter: noMeter });
  return new Desk(ports, Object.keys(app.upstreams));
}
