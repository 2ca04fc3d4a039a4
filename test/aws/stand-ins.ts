import { PutMetricAlarmCommand, type PutMetricAlarmCommandInput } from "@aws-sdk/client-cloudwatch";
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

/** Properties of a resource with every function answered. */
export type Properties = Readonly<Record<string, unknown>>;

/**
 * How the resources are made that moto's CloudFormation does not know though moto plays their services: by the call that
 * CloudFormation makes for them. In the order in which they need one another.
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
