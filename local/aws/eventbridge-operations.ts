import type { EventBus, Rule, RuleTarget } from "./event-bus.ts";
import { parseEventEntry } from "./event-entry.ts";
import { compileEventPattern } from "./event-pattern.ts";
import type { EventBridge } from "./eventbridge.ts";
import type { Operations } from "./operation.ts";
import { pageOf } from "./page.ts";
import type { RequestFields } from "./request-fields.ts";
import { InvalidField } from "./service-error.ts";
import { targetKindOf } from "./target-delivery.ts";

const busNameRule = { min: 1, max: 256, pattern: /^[/.\-_A-Za-z0-9]+$/ };
const busReferenceRule = { min: 1, max: 1600 };
const ruleNameRule = { min: 1, max: 64, pattern: /^[.\-_A-Za-z0-9]+$/ };
const targetIdRule = { min: 1, max: 64, pattern: /^[.\-_A-Za-z0-9]+$/ };
const unbounded = { min: 0, max: Number.POSITIVE_INFINITY };

/** The operations of the EventBridge API by name, from parsed request fields to the answer's structure. */
export function eventBridgeOperations(eventBridge: EventBridge): Operations {
  const busOf = (input: RequestFields) => eventBridge.bus(input.optionalText("EventBusName", busReferenceRule));
  const ruleOf = (input: RequestFields) => busOf(input).rule(input.text("Rule", ruleNameRule));
  return {
    CreateEventBus: (input) => ({ EventBusArn: eventBridge.createBus(input.text("Name", busNameRule)).arn }),
    DeleteEventBus: (input) => eventBridge.deleteBus(input.text("Name", busNameRule)),
    DescribeEventBus: (input) => busAnswer(eventBridge.bus(input.optionalText("Name", busReferenceRule))),
    ListEventBuses: (input) => {
      const { items, nextToken } = pageOfNamed(input, eventBridge.buses());
      return { EventBuses: items.map(busAnswer), NextToken: nextToken };
    },
    PutRule: (input) => {
      const bus = busOf(input);
      const name = input.text("Name", ruleNameRule);
      if (input.has("ScheduleExpression")) {
        throw new InvalidField("invalid", "Scheduled rules are not supported here; create a schedule instead.");
      }
      const eventPattern = input.text("EventPattern");
      const state = input.optionalText("State", { oneOf: ["ENABLED", "DISABLED"] });
      const description = input.optionalText("Description", { max: 512 });
      const arn = eventBridge.ruleArn(bus, name);
      const matches = compileEventPattern(eventPattern);
      const enabled = state !== "DISABLED";
      bus.putRule({ name, arn, eventPattern, matches, enabled, ...(description === undefined ? {} : { description }) });
      return { RuleArn: arn };
    },
    DescribeRule: (input) => {
      const bus = busOf(input);
      return ruleAnswer(bus, bus.rule(input.text("Name", ruleNameRule)));
    },
    DeleteRule: (input) => busOf(input).deleteRule(input.text("Name", ruleNameRule)),
    ListRules: (input) => {
      const bus = busOf(input);
      const { items, nextToken } = pageOfNamed(input, bus.rules);
      return { Rules: items.map((rule) => ruleAnswer(bus, rule)), NextToken: nextToken };
    },
    PutTargets: (input) => {
      const targets = input.fieldsList("Targets", { min: 1, max: 100 }).map(parseTarget);
      busOf(input).putTargets(input.text("Rule", ruleNameRule), targets);
      return { FailedEntryCount: 0, FailedEntries: [] };
    },
    ListTargetsByRule: (input) => {
      const targets = [...ruleOf(input).targets.values()];
      const limit = input.optionalInteger("Limit", { min: 1, max: 100 }) ?? 100;
      const page = pageOf(targets, (target) => target.id, limit, input.optionalText("NextToken"));
      return { Targets: page.items.map(targetAnswer), NextToken: page.nextToken };
    },
    RemoveTargets: (input) => {
      const { targets } = ruleOf(input);
      for (const id of input.optionalTexts("Ids")) targets.delete(id);
      return { FailedEntryCount: 0, FailedEntries: [] };
    },
    PutEvents: (input) => {
      const entries = input.fieldsList("Entries", unbounded).map(parseEventEntry);
      const results = eventBridge.putEvents(entries);
      return {
        FailedEntryCount: results.filter((result) => "errorCode" in result).length,
        Entries: results.map((result) =>
          "errorCode" in result
            ? { ErrorCode: result.errorCode, ErrorMessage: result.errorMessage }
            : { EventId: result.eventId },
        ),
      };
    },
  };
}

function parseTarget(input: RequestFields): RuleTarget {
  input.allowOnly("Id", "Arn", "RoleArn", "SqsParameters", "DeadLetterConfig", "RetryPolicy");
  const id = input.text("Id", targetIdRule);
  const arn = input.text("Arn", { min: 1, max: 1600 });
  const kind = targetKindOf(arn);
  if (kind !== "sqs" && kind !== "lambda") {
    throw new InvalidField(
      "invalid",
      `Target ${id} must be the ARN of an SQS queue or a Lambda function, got '${arn}'.`,
    );
  }
  const roleArn = input.optionalText("RoleArn", { min: 1, max: 1600 });
  const messageGroupId = input.optionalFields("SqsParameters")?.optionalText("MessageGroupId", { min: 1, max: 100 });
  const deadLetterArn = input.optionalFields("DeadLetterConfig")?.optionalText("Arn", { min: 1, max: 1600 });
  return {
    id,
    arn,
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(messageGroupId === undefined ? {} : { messageGroupId }),
    ...(deadLetterArn === undefined ? {} : { deadLetterArn }),
  };
}

function pageOfNamed<T extends { readonly name: string }>(input: RequestFields, all: readonly T[]) {
  const prefix = input.optionalText("NamePrefix") ?? "";
  const limit = input.optionalInteger("Limit", { min: 1, max: 100 }) ?? 100;
  const named = all.filter((item) => item.name.startsWith(prefix));
  return pageOf(named, (item) => item.name, limit, input.optionalText("NextToken"));
}

function busAnswer(bus: EventBus): object {
  const seconds = bus.createdAt / 1000;
  return { Name: bus.name, Arn: bus.arn, CreationTime: seconds, LastModifiedTime: seconds };
}

function ruleAnswer(bus: EventBus, rule: Rule): object {
  return {
    Name: rule.name,
    Arn: rule.arn,
    EventPattern: rule.eventPattern,
    State: rule.enabled ? "ENABLED" : "DISABLED",
    Description: rule.description,
    EventBusName: bus.name,
  };
}

function targetAnswer(target: RuleTarget): object {
  return {
    Id: target.id,
    Arn: target.arn,
    RoleArn: target.roleArn,
    SqsParameters: target.messageGroupId === undefined ? undefined : { MessageGroupId: target.messageGroupId },
    DeadLetterConfig: target.deadLetterArn === undefined ? undefined : { Arn: target.deadLetterArn },
  };
}
