import type { Operations } from "./operation.ts";
import { pageOf } from "./page.ts";
import type { RequestFields } from "./request-fields.ts";
import type { Schedule } from "./schedule.ts";
import { parseScheduleDefinition, scheduleNameRule } from "./schedule-definition.ts";
import type { ScheduleGroup, Scheduler } from "./scheduler.ts";

const tokenRule = { min: 1, max: 64, pattern: /^[a-zA-Z0-9-_]+$/ };
const limitRule = { min: 1, max: 100 };

/** The operations of the EventBridge Scheduler API by name, from parsed request fields to the answer's structure. */
export function schedulerOperations(scheduler: Scheduler): Operations {
  const scheduleOf = (input: RequestFields) =>
    scheduler.schedule(input.text("Name", scheduleNameRule), input.optionalText("GroupName", scheduleNameRule));
  return {
    CreateSchedule: (input) => {
      const clientToken = input.optionalText("ClientToken", tokenRule);
      return { ScheduleArn: scheduler.create(parseScheduleDefinition(input), clientToken).arn };
    },
    UpdateSchedule: (input) => ({ ScheduleArn: scheduler.update(parseScheduleDefinition(input)).arn }),
    GetSchedule: (input) => scheduleAnswer(scheduleOf(input)),
    DeleteSchedule: (input) => {
      const { name, groupName } = scheduleOf(input).definition;
      scheduler.delete(name, groupName);
    },
    ListSchedules: (input) => {
      const group = input.optionalText("GroupName", scheduleNameRule);
      const prefix = input.optionalText("NamePrefix", scheduleNameRule) ?? "";
      const state = input.optionalText("State", { oneOf: ["ENABLED", "DISABLED"] });
      const selected = scheduler
        .schedules()
        .filter(({ definition }) => group === undefined || definition.groupName === group)
        .filter(({ definition }) => definition.name.startsWith(prefix))
        .filter(({ definition }) => state === undefined || definition.enabled === (state === "ENABLED"));
      const limit = input.optionalInteger("MaxResults", limitRule) ?? limitRule.max;
      const page = pageOf(selected, ({ arn }) => arn, limit, input.optionalText("NextToken"));
      return { Schedules: page.items.map(scheduleSummary), NextToken: page.nextToken };
    },
    CreateScheduleGroup: (input) => ({
      ScheduleGroupArn: scheduler.createGroup(input.text("Name", scheduleNameRule)).arn,
    }),
    GetScheduleGroup: (input) => groupAnswer(scheduler.group(input.text("Name", scheduleNameRule))),
    DeleteScheduleGroup: (input) => scheduler.deleteGroup(input.text("Name", scheduleNameRule)),
    ListScheduleGroups: (input) => {
      const prefix = input.optionalText("NamePrefix", scheduleNameRule) ?? "";
      const limit = input.optionalInteger("MaxResults", limitRule) ?? limitRule.max;
      const selected = scheduler.groups().filter(({ name }) => name.startsWith(prefix));
      const page = pageOf(selected, ({ name }) => name, limit, input.optionalText("NextToken"));
      return { ScheduleGroups: page.items.map(groupAnswer), NextToken: page.nextToken };
    },
  };
}

function groupAnswer({ name, arn, createdAt }: ScheduleGroup): object {
  const seconds = createdAt / 1000;
  return { Name: name, Arn: arn, State: "ACTIVE", CreationDate: seconds, LastModificationDate: seconds };
}

function scheduleSummary({ arn, definition, createdAt, modifiedAt }: Schedule): object {
  return {
    Arn: arn,
    Name: definition.name,
    GroupName: definition.groupName,
    State: definition.enabled ? "ENABLED" : "DISABLED",
    CreationDate: createdAt / 1000,
    LastModificationDate: modifiedAt / 1000,
    Target: { Arn: definition.target.arn },
  };
}

function scheduleAnswer(schedule: Schedule): object {
  const { definition } = schedule;
  const { target, flexibleWindow } = definition;
  return {
    ...scheduleSummary(schedule),
    ScheduleExpression: definition.expressionText,
    ScheduleExpressionTimezone: definition.timeZone,
    StartDate: definition.startMs === undefined ? undefined : definition.startMs / 1000,
    EndDate: definition.endMs === undefined ? undefined : definition.endMs / 1000,
    Description: definition.description,
    ActionAfterCompletion: definition.deleteAfterCompletion ? "DELETE" : "NONE",
    FlexibleTimeWindow: { Mode: flexibleWindow.mode, MaximumWindowInMinutes: flexibleWindow.maximumMinutes },
    Target: {
      Arn: target.arn,
      RoleArn: target.roleArn,
      Input: target.input,
      EventBridgeParameters: target.eventBridge && {
        DetailType: target.eventBridge.detailType,
        Source: target.eventBridge.source,
      },
      SqsParameters: target.messageGroupId === undefined ? undefined : { MessageGroupId: target.messageGroupId },
      DeadLetterConfig: target.deadLetterArn === undefined ? undefined : { Arn: target.deadLetterArn },
    },
  };
}
