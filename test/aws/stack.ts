import { readFileSync } from "node:fs";
import {
  CreateStackCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
} from "@aws-sdk/client-cloudformation";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import type { FunctionName, Template } from "../../infra/index.ts";
import { type Answers, intrinsics, pseudoParameters } from "./intrinsics.ts";
import { zipOf } from "./packaged.ts";
import type { Services } from "./services.ts";
import { type Properties, standIns } from "./stand-ins.ts";

/** A deployed template. */
export interface Stack {
  readonly template: Template;
  /** What a resource is to have, with every function answered. */
  intended(id: string): Properties;
  /** What a resource has been called: its `Ref`. */
  physicalId(id: string): string;
  /** Its ARN, by the form that AWS documents for its type. */
  arn(id: string): string;
  outputs(): Promise<Readonly<Record<string, string>>>;
}

const { "AWS::AccountId": account, "AWS::Region": region } = pseudoParameters;
const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;

/** The ARN of a resource by its type, its physical id and its properties. */
const arns: Readonly<Record<string, (physicalId: string, bus: string) => string>> = {
  "AWS::CloudWatch::Alarm": (name) => arn("cloudwatch", `alarm:${name}`),
  "AWS::DynamoDB::Table": (name) => arn("dynamodb", `table/${name}`),
  "AWS::Events::EventBus": (name) => arn("events", `event-bus/${name}`),
  "AWS::Events::Rule": (name, bus) => arn("events", `rule/${bus}/${name}`),
  "AWS::IAM::Role": (name) => `arn:aws:iam::${account}:role/${name}`,
  "AWS::Lambda::Function": (name) => arn("lambda", `function:${name}`),
  "AWS::Logs::LogGroup": (name) => arn("logs", `log-group:${name}:*`),
  "AWS::SQS::Queue": (url) => arn("sqs", nameIn(url)),
  "AWS::Scheduler::ScheduleGroup": (name) => arn("scheduler", `schedule-group/${name}`),
};

const nameIn = (url: string) => url.slice(url.lastIndexOf("/") + 1);

/**
 * Deploys a template as `osls deploy` does: a stack with the bucket alone, the zips into the bucket, the whole stack.
 * Without such a first step the bucket of the template's code is made beforehand. What moto's CloudFormation does not
 * know is made by its stand-in.
 */
export async function deployStack(
  services: Services,
  StackName: string,
  template: Template,
  bucketAlone?: Template,
): Promise<Stack> {
  const { cloudFormation } = services;
  const physicalIds = new Map<string, string>();
  // These are called what the template calls them.
  for (const [id, { Type, Properties }] of Object.entries(template.Resources)) {
    if (isNamedForMoto(Type))
      physicalIds.set(id, String(Properties.Name ?? Properties.AlarmName ?? Properties.LogGroupName ?? id));
  }
  const answers: Answers = {
    ref: (id) => physicalIds.get(id) ?? fail(id, "a physical id"),
    attribute: (id, name) => {
      const resource = template.Resources[id] ?? fail(id, "a resource");
      const physicalId = String(answers.ref(id));
      if (name === "QueueName") return nameIn(physicalId);
      if (name !== "Arn") return fail(id, `Arn or QueueName, received ${name}`);
      return arns[resource.Type]?.(physicalId, String(resolve(resource.Properties.EventBusName)));
    },
  };
  const resolve = intrinsics(template, answers);
  const learn = async () => {
    const { StackResources = [] } = await cloudFormation.send(new DescribeStackResourcesCommand({ StackName }));
    for (const { LogicalResourceId = "", PhysicalResourceId = "" } of StackResources) {
      if (!physicalIds.has(LogicalResourceId)) physicalIds.set(LogicalResourceId, PhysicalResourceId);
    }
  };
  const intended = (id: string) => resolve(template.Resources[id]?.Properties) as Properties;
  const isMade = (id: string) => physicalIds.has(id);

  if (bucketAlone) {
    await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody: forMoto(bucketAlone, answers) }));
    await learn();
  }
  for (const { Type, Properties } of Object.values(template.Resources)) {
    if (Type !== "AWS::Lambda::Function") continue;
    const { S3Bucket: Bucket, S3Key: Key } = resolve(Properties.Code) as { S3Bucket: string; S3Key: string };
    if (!bucketAlone) await services.s3.send(new CreateBucketCommand({ Bucket }));
    const Body = readFileSync(zipOf(nameIn(Key).replace(/\.zip$/, "") as FunctionName));
    await services.s3.send(new PutObjectCommand({ Bucket, Key, Body }));
  }
  const whole = { StackName, TemplateBody: forMoto(template, answers), Capabilities: ["CAPABILITY_IAM" as const] };
  if (bucketAlone) await cloudFormation.send(new UpdateStackCommand(whole));
  else await cloudFormation.send(new CreateStackCommand(whole));
  await learn();
  const notMade = Object.keys(template.Resources).filter((id) => !isMade(id));
  if (notMade.length > 0) throw new Error(`stack ${StackName}: expected every resource, received no ${notMade}`);
  for (const [type, make] of Object.entries(standIns)) {
    for (const [id, { Type }] of Object.entries(template.Resources))
      if (Type === type) await make(services, intended(id));
  }

  return {
    template,
    intended,
    physicalId: (id) => String(answers.ref(id)),
    arn: (id) => String(answers.attribute(id, "Arn")),
    async outputs() {
      const { Stacks: [stack] = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
      return Object.fromEntries((stack?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
    },
  };
}

/** Types that moto's CloudFormation has wrong answers to `Ref` or `Fn::GetAtt` for, or none. */
const wronglyAnswered: readonly string[] = ["AWS::Events::EventBus", "AWS::Logs::LogGroup"];
const isNamedForMoto = (type: string) => type in standIns || wronglyAnswered.includes(type);

/**
 * A template as moto's CloudFormation takes it: without what has a stand-in, with names and ARNs where it would answer
 * with none or others, and with roles whose policies are text. See not-in-moto.ts.
 */
function forMoto({ Resources, ...rest }: Template, answers: Answers): string {
  const isNamed = (id: string) => isNamedForMoto(Resources[id]?.Type ?? "");
  const kept = Object.fromEntries(Object.entries(Resources).filter(([, { Type }]) => !(Type in standIns)));
  return JSON.stringify({ ...rest, Resources: kept }, (name, value) => {
    if (name === "PolicyDocument") return { "Fn::ToJsonString": { ...value } };
    const { Ref, "Fn::GetAtt": attribute, "Fn::Sub": text } = Object(value);
    if (isNamed(String(Ref))) return answers.ref(Ref);
    if (isNamed(String(attribute?.[0]))) return answers.attribute(attribute[0], attribute[1]);
    if (text === undefined) return value;
    const replaced = text.replace(/\$\{(\w+)(?:\.(\w+))?\}/g, (whole: string, id: string, name?: string) =>
      isNamed(id) ? (name === undefined ? answers.ref(id) : answers.attribute(id, name)) : whole,
    );
    return { "Fn::Sub": replaced };
  });
}

function fail(id: string, expected: string): never {
  throw new Error(`${id}: expected ${expected}`);
}
