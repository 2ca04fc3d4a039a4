import { PutMetricAlarmCommand, type PutMetricAlarmCommandInput } from "@aws-sdk/client-cloudwatch";
import { AttachRolePolicyCommand } from "@aws-sdk/client-iam";
import {
  PutFunctionEventInvokeConfigCommand,
  type PutFunctionEventInvokeConfigCommandInput,
} from "@aws-sdk/client-lambda";
import { PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import {
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  CreateScheduleGroupCommand,
  type CreateScheduleGroupCommandInput,
} from "@aws-sdk/client-scheduler";
import { SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { Services } from "./services.ts";

/** Properties of a resource with all functions evaluated. */
export type Properties = Readonly<Record<string, unknown>>;

/**
 * Creates the resources that moto's CloudFormation does not support although moto emulates their services: with the API
 * calls of CloudFormation, in the order of their dependencies.
 */
export const standIns: Readonly<Record<string, (services: Services, properties: Properties) => Promise<unknown>>> = {
  "AWS::CloudWatch::Alarm": ({ cloudWatch }, properties) =>
    cloudWatch.send(new PutMetricAlarmCommand(properties as unknown as PutMetricAlarmCommandInput)),
  "AWS::Lambda::EventInvokeConfig": ({ lambda }, properties) =>
    lambda.send(
      new PutFunctionEventInvokeConfigCommand(properties as unknown as PutFunctionEventInvokeConfigCommandInput),
    ),
  "AWS::S3::BucketPolicy": ({ s3 }, { Bucket, PolicyDocument }) =>
    s3.send(new PutBucketPolicyCommand({ Bucket: String(Bucket), Policy: JSON.stringify(PolicyDocument) })),
  "AWS::SQS::QueuePolicy": ({ sqs }, { Queues, PolicyDocument }) =>
    Promise.all(
      (Queues as string[]).map((QueueUrl) =>
        sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy: JSON.stringify(PolicyDocument) } })),
      ),
    ),
  "AWS::Scheduler::ScheduleGroup": ({ scheduler }, properties) =>
    scheduler.send(new CreateScheduleGroupCommand(properties as unknown as CreateScheduleGroupCommandInput)),
  "AWS::Scheduler::Schedule": ({ scheduler }, properties) =>
    scheduler.send(new CreateScheduleCommand(properties as unknown as CreateScheduleCommandInput)),
};

/** Completes resources that moto's CloudFormation creates only in part, with the API calls of CloudFormation. */
export const completions: Readonly<
  Record<string, (services: Services, physicalId: string, properties: Properties) => Promise<unknown>>
> = {
  "AWS::IAM::Role": ({ iam }, RoleName, { ManagedPolicyArns = [] }) =>
    Promise.all(
      (ManagedPolicyArns as string[]).map((PolicyArn) =>
        iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn })),
      ),
    ),
};
