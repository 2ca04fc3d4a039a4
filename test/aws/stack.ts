import { readFileSync } from "node:fs";
import {
  CreateStackCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
} from "@aws-sdk/client-cloudformation";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import type { FunctionName, Template } from "../../infra/index.ts";
import { arnOf, nameIn } from "./arns.ts";
import { forMoto, isNamedForMoto } from "./for-moto.ts";
import { type Answers, intrinsics } from "./intrinsics.ts";
import { zipOf } from "./packaged.ts";
import type { Services } from "./services.ts";
import { completions, type Properties, standIns } from "./stand-ins.ts";

/** A deployed template. */
export interface Stack {
  /** The resources whose condition holds. */
  readonly resources: Template["Resources"];
  /** The intended properties of a resource, with all functions evaluated. */
  intended(id: string): Properties;
  /** The physical id of a resource: its `Ref`. */
  physicalId(id: string): string;
  /** The ARN of a resource, in the form that AWS documents for its type. */
  arn(id: string): string;
  outputs(): Promise<Readonly<Record<string, string>>>;
}

/**
 * Deploys a template as `osls deploy` does: a stack with only the bucket, the zips into the bucket, the whole stack.
 * Without such a first step, creates the bucket of the template's code beforehand. Stand-ins create the resources that
 * moto's CloudFormation does not support.
 */
export async function deployStack(
  services: Services,
  StackName: string,
  template: Template,
  bucketOnly?: Template,
): Promise<Stack> {
  const { cloudFormation } = services;
  const physicalIds = new Map<string, string>();
  const answers: Answers = {
    ref: (id) => physicalIds.get(id) ?? fail(id, "a physical id"),
    attribute: (id, name) => {
      const resource = template.Resources[id] ?? fail(id, "a resource");
      const physicalId = String(answers.ref(id));
      if (name === "QueueName") return nameIn(physicalId);
      if (name !== "Arn") return fail(id, `Arn or QueueName, received ${name}`);
      return arnOf(resource.Type, physicalId, String(resolve(resource.Properties.EventBusName)));
    },
  };
  const resolve = intrinsics(template, answers);
  const isWanted = (condition: unknown) => condition === undefined || resolve(template.Conditions[String(condition)]);
  const resources = Object.fromEntries(
    Object.entries(template.Resources).filter(([, { Condition }]) => isWanted(Condition)),
  );
  // These have the names of the template.
  for (const [id, { Type, Properties }] of Object.entries(resources)) {
    if (isNamedForMoto(Type))
      physicalIds.set(id, String(Properties.Name ?? Properties.AlarmName ?? Properties.LogGroupName ?? id));
  }
  const learn = async () => {
    const { StackResources = [] } = await cloudFormation.send(new DescribeStackResourcesCommand({ StackName }));
    for (const { LogicalResourceId: id, PhysicalResourceId = "" } of StackResources) {
      // moto lists resources that it did not create without a name.
      if (id !== undefined && !physicalIds.has(id)) physicalIds.set(id, PhysicalResourceId);
    }
  };
  const intended = (id: string) => resolve(template.Resources[id]?.Properties) as Properties;

  if (bucketOnly) {
    await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody: forMoto(bucketOnly, answers) }));
    await learn();
  }
  for (const { Type, Properties } of Object.values(template.Resources)) {
    if (Type !== "AWS::Lambda::Function") continue;
    const { S3Bucket: Bucket, S3Key: Key } = resolve(Properties.Code) as { S3Bucket: string; S3Key: string };
    if (!bucketOnly) await services.s3.send(new CreateBucketCommand({ Bucket }));
    const Body = readFileSync(zipOf(nameIn(Key).replace(/\.zip$/, "") as FunctionName));
    await services.s3.send(new PutObjectCommand({ Bucket, Key, Body }));
  }
  const whole = { StackName, TemplateBody: forMoto(template, answers), Capabilities: ["CAPABILITY_IAM" as const] };
  if (bucketOnly) await cloudFormation.send(new UpdateStackCommand(whole));
  else await cloudFormation.send(new CreateStackCommand(whole));
  await learn();
  const missing = Object.keys(resources).filter((id) => !physicalIds.has(id));
  const unwanted = [...physicalIds.keys()].filter((id) => !(id in resources));
  if (missing.length + unwanted.length > 0) {
    throw new Error(`stack ${StackName}: expected every resource, received no ${missing}, and too many: ${unwanted}`);
  }
  for (const [type, make] of Object.entries(standIns)) {
    for (const [id, { Type }] of Object.entries(resources)) if (Type === type) await make(services, intended(id));
  }
  for (const [id, { Type }] of Object.entries(resources)) {
    await completions[Type]?.(services, String(answers.ref(id)), intended(id));
  }

  return {
    resources,
    intended,
    physicalId: (id) => String(answers.ref(id)),
    arn: (id) => String(answers.attribute(id, "Arn")),
    async outputs() {
      const { Stacks: [stack] = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
      return Object.fromEntries((stack?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
    },
  };
}

function fail(id: string, expected: string): never {
  throw new Error(`${id}: expected ${expected}`);
}
