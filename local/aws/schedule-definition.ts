import { parseDetail } from "./event-entry.ts";
import type { RequestFields } from "./request-fields.ts";
import { parseScheduleExpression, type ScheduleExpression } from "./schedule-expression.ts";
import { InvalidField } from "./service-error.ts";
import { type TargetKind, targetKindOf } from "./target-delivery.ts";

export const scheduleNameRule = { min: 1, max: 64, pattern: /^[0-9a-zA-Z-_.]+$/ };
export const defaultGroup = "default";

export interface ScheduleTarget {
  readonly kind: TargetKind;
  readonly arn: string;
  readonly roleArn: string;
  readonly input?: string;
  readonly eventBridge?: { readonly detailType: string; readonly source: string };
  readonly messageGroupId?: string;
  readonly deadLetterArn?: string;
}

/** A schedule as the caller defines it; times in milliseconds since 1970-01-01T00:00:00Z. */
export interface ScheduleDefinition {
  readonly name: string;
  readonly groupName: string;
  readonly expressionText: string;
  readonly expression: ScheduleExpression;
  readonly timeZone: string;
  readonly enabled: boolean;
  readonly target: ScheduleTarget;
  readonly flexibleWindow: { readonly mode: string; readonly maximumMinutes?: number };
  readonly startMs?: number;
  readonly endMs?: number;
  readonly description?: string;
  readonly deleteAfterCompletion: boolean;
}

/** Maximum size of a target input in bytes (EventBridge Scheduler User Guide, quotas). */
const maxInputBytes = 262_144;
const arnRule = { min: 1, max: 1600 };

/** Reads the input of CreateSchedule or UpdateSchedule; omitted optional fields get their defaults. */
export function parseScheduleDefinition(input: RequestFields): ScheduleDefinition {
  const expressionText = input.text("ScheduleExpression", { min: 1, max: 256 });
  const timeZone = input.optionalText("ScheduleExpressionTimezone", { min: 1, max: 50 }) ?? "UTC";
  const startMs = input.optionalTimeMs("StartDate");
  const endMs = input.optionalTimeMs("EndDate");
  const description = input.optionalText("Description", { max: 512 });
  if (startMs !== undefined && endMs !== undefined && endMs <= startMs) {
    throw new InvalidField("invalid", "EndDate must be after StartDate.");
  }
  return {
    name: input.text("Name", scheduleNameRule),
    groupName: input.optionalText("GroupName", scheduleNameRule) ?? defaultGroup,
    expressionText,
    expression: parseScheduleExpression(expressionText, timeZone),
    timeZone,
    enabled: input.optionalText("State", { oneOf: ["ENABLED", "DISABLED"] }) !== "DISABLED",
    target: parseTarget(input.fields("Target")),
    flexibleWindow: parseFlexibleWindow(input.fields("FlexibleTimeWindow")),
    ...(startMs === undefined ? {} : { startMs }),
    ...(endMs === undefined ? {} : { endMs }),
    ...(description === undefined ? {} : { description }),
    deleteAfterCompletion: input.optionalText("ActionAfterCompletion", { oneOf: ["NONE", "DELETE"] }) === "DELETE",
  };
}

function parseFlexibleWindow(input: RequestFields): ScheduleDefinition["flexibleWindow"] {
  const mode = input.text("Mode", { oneOf: ["OFF", "FLEXIBLE"] });
  const maximumMinutes = input.optionalInteger("MaximumWindowInMinutes", { min: 1, max: 1440 });
  if ((mode === "FLEXIBLE") !== (maximumMinutes !== undefined)) {
    throw new InvalidField("invalid", "MaximumWindowInMinutes must be given with the mode FLEXIBLE, and only with it.");
  }
  return maximumMinutes === undefined ? { mode } : { mode, maximumMinutes };
}

function parseTarget(input: RequestFields): ScheduleTarget {
  input.allowOnly(
    "Arn",
    "RoleArn",
    "Input",
    "EventBridgeParameters",
    "SqsParameters",
    "DeadLetterConfig",
    "RetryPolicy",
  );
  const arn = input.text("Arn", arnRule);
  const kind = targetKindOf(arn);
  if (!kind) {
    throw new InvalidField("invalid", `Target.Arn must name an event bus, SQS queue or Lambda function, got '${arn}'.`);
  }
  const roleArn = input.text("RoleArn", { ...arnRule, pattern: /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/ });
  const text = input.optionalText("Input", { min: 1 });
  if (text !== undefined && Buffer.byteLength(text) > maxInputBytes) {
    throw new InvalidField("invalid", `Target.Input has ${Buffer.byteLength(text)} bytes, more than ${maxInputBytes}.`);
  }
  const eventBridge = parseEventBridgeParameters(input.optionalFields("EventBridgeParameters"));
  if ((kind === "event-bus") !== (eventBridge !== undefined)) {
    throw new InvalidField("invalid", "Target.EventBridgeParameters must be given for an event bus, and only for one.");
  }
  if (kind === "event-bus" && text !== undefined && !parseDetail(text)) {
    throw new InvalidField("invalid", "Target.Input must be a JSON object for an event bus.");
  }
  if (kind === "lambda" && text !== undefined && !isJson(text)) {
    throw new InvalidField("invalid", "Target.Input must be JSON for a Lambda function.");
  }
  const messageGroupId = input.optionalFields("SqsParameters")?.optionalText("MessageGroupId", { min: 1, max: 128 });
  const deadLetterArn = input.optionalFields("DeadLetterConfig")?.optionalText("Arn", arnRule);
  return {
    kind,
    arn,
    roleArn,
    ...(text === undefined ? {} : { input: text }),
    ...(eventBridge === undefined ? {} : { eventBridge }),
    ...(messageGroupId === undefined ? {} : { messageGroupId }),
    ...(deadLetterArn === undefined ? {} : { deadLetterArn }),
  };
}

function parseEventBridgeParameters(input: RequestFields | undefined): ScheduleTarget["eventBridge"] {
  if (!input) return undefined;
  const detailType = input.text("DetailType", { min: 1, max: 128 });
  return { detailType, source: input.text("Source", { min: 1, max: 256, pattern: /^(?!aws\.)[/.\-_A-Za-z0-9]+$/ }) };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
