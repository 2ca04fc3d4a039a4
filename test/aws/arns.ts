import { pseudoParameters } from "./intrinsics.ts";

const { "AWS::AccountId": account, "AWS::Region": region } = pseudoParameters;
const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;

/** The ARN of a resource by type, from its physical id and its bus. */
const arns: Readonly<Record<string, (physicalId: string, bus: string) => string>> = {
  "AWS::CloudWatch::Alarm": (name) => arn("cloudwatch", `alarm:${name}`),
  "AWS::DynamoDB::Table": (name) => arn("dynamodb", `table/${name}`),
  "AWS::Events::EventBus": (name) => arn("events", `event-bus/${name}`),
  "AWS::Events::Rule": (name, bus) => arn("events", `rule/${bus}/${name}`),
  "AWS::IAM::ManagedPolicy": (itself) => itself,
  "AWS::IAM::Role": (name) => `arn:aws:iam::${account}:role/${name}`,
  "AWS::Lambda::Function": (name) => arn("lambda", `function:${name}`),
  "AWS::Logs::LogGroup": (name) => arn("logs", `log-group:${name}:*`),
  "AWS::SQS::Queue": (url) => arn("sqs", nameIn(url)),
  "AWS::Scheduler::ScheduleGroup": (name) => arn("scheduler", `schedule-group/${name}`),
};

/** The ARN of a resource from its type, physical id and bus; undefined for a few types. */
export const arnOf = (type: string, physicalId: string, bus: string): string | undefined =>
  arns[type]?.(physicalId, bus);

/** The last part of a URL or path. */
export const nameIn = (url: string) => url.slice(url.lastIndexOf("/") + 1);

/** Whether an ARN matches one with wildcards, as in a policy. */
export function isLike(arn: string, pattern: string): boolean {
  const expression = pattern
    .replace(/[.+^$()|[\]\\{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`).test(arn);
}
