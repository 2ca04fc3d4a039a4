import { DescribeAlarmsCommand, GetDashboardCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeContinuousBackupsCommand, DescribeTableCommand } from "@aws-sdk/client-dynamodb";
import { DescribeEventBusCommand, DescribeRuleCommand, ListTargetsByRuleCommand } from "@aws-sdk/client-eventbridge";
import { GetRoleCommand, GetRolePolicyCommand, ListRolePoliciesCommand } from "@aws-sdk/client-iam";
import {
  GetEventSourceMappingCommand,
  GetFunctionCommand,
  GetFunctionEventInvokeConfigCommand,
  GetPolicyCommand,
} from "@aws-sdk/client-lambda";
import { GetBucketEncryptionCommand, GetBucketPolicyCommand } from "@aws-sdk/client-s3";
import { GetScheduleCommand, GetScheduleGroupCommand } from "@aws-sdk/client-scheduler";
import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import type { Services } from "./services.ts";
import type { Properties } from "./stand-ins.ts";

/** A resource as its service describes it. */
export interface Described {
  /** In the words of its CloudFormation type. What nobody has set is not there. */
  readonly properties: Properties;
  readonly arn?: string | undefined;
}

type Reader = (services: Services, physicalId: string, intended: Properties) => Promise<Described>;

/** The settings of a queue that its type takes as numbers, with what they are if nobody sets them. */
const queueNumbers = { DelaySeconds: 0, VisibilityTimeout: 30, MessageRetentionPeriod: 345_600 };

const readers: Readonly<Record<string, Reader>> = {
  async "AWS::S3::Bucket"({ s3 }, Bucket) {
    const { ServerSideEncryptionConfiguration: found } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    const ServerSideEncryptionConfiguration = found?.Rules?.map(({ ApplyServerSideEncryptionByDefault }) => ({
      ServerSideEncryptionByDefault: ApplyServerSideEncryptionByDefault,
    }));
    return { properties: { BucketEncryption: { ServerSideEncryptionConfiguration } } };
  },

  async "AWS::S3::BucketPolicy"({ s3 }, _, { Bucket }) {
    const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket: String(Bucket) }));
    return { properties: { Bucket, PolicyDocument: JSON.parse(String(Policy)) } };
  },

  async "AWS::DynamoDB::Table"({ dynamo }, TableName) {
    const { Table = {} } = await dynamo.send(new DescribeTableCommand({ TableName }));
    const { ContinuousBackupsDescription: backups } = await dynamo.send(
      new DescribeContinuousBackupsCommand({ TableName }),
    );
    const status = backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
    const { AttributeDefinitions, KeySchema, SSEDescription: encryption } = Table;
    const properties = {
      TableName: Table.TableName,
      BillingMode: Table.BillingModeSummary?.BillingMode,
      DeletionProtectionEnabled: Table.DeletionProtectionEnabled,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: status === "ENABLED" },
      SSESpecification: { SSEEnabled: encryption?.Status === "ENABLED", SSEType: encryption?.SSEType },
      AttributeDefinitions,
      KeySchema,
      GlobalSecondaryIndexes: Table.GlobalSecondaryIndexes?.map((index) => ({
        IndexName: index.IndexName,
        KeySchema: index.KeySchema,
        Projection: index.Projection,
      })),
    };
    return { properties, arn: Table.TableArn };
  },

  async "AWS::Events::EventBus"({ events }, Name) {
    const bus = await events.send(new DescribeEventBusCommand({ Name }));
    return { properties: { Name: bus.Name }, arn: bus.Arn };
  },

  async "AWS::Events::Rule"({ events }, Name, { EventBusName: bus }) {
    const EventBusName = String(bus);
    const rule = await events.send(new DescribeRuleCommand({ Name, EventBusName }));
    const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: Name, EventBusName }));
    const EventPattern = JSON.parse(String(rule.EventPattern));
    const properties = { Description: rule.Description, EventBusName: rule.EventBusName, EventPattern, Targets };
    return {
      properties: { ...properties, ...unlessDefault({ State: rule.State }, { State: "ENABLED" }) },
      arn: rule.Arn,
    };
  },

  async "AWS::SQS::Queue"({ sqs }, QueueUrl) {
    const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
    const { QueueArn = "", RedrivePolicy, SqsManagedSseEnabled, FifoQueue, KmsMasterKeyId } = Attributes;
    const given: Readonly<Record<string, string>> = Attributes;
    const numbers = Object.fromEntries(Object.keys(queueNumbers).map((name) => [name, Number(given[name])]));
    const properties = {
      QueueName: QueueArn.split(":").at(-1),
      ...unlessDefault(numbers, queueNumbers),
      SqsManagedSseEnabled: SqsManagedSseEnabled === "true",
      RedrivePolicy: RedrivePolicy && JSON.parse(RedrivePolicy),
      FifoQueue,
      KmsMasterKeyId,
    };
    return { properties, arn: QueueArn };
  },

  async "AWS::SQS::QueuePolicy"({ sqs }, _, { Queues }) {
    const policies = await Promise.all(
      (Queues as string[]).map(async (QueueUrl) => {
        const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["Policy"] });
        return (await sqs.send(command)).Attributes?.Policy;
      }),
    );
    // All have the same.
    return { properties: { Queues, PolicyDocument: JSON.parse([...new Set(policies)].join()) } };
  },

  async "AWS::Lambda::Function"({ lambda }, FunctionName, { Code }) {
    const { Configuration: found = {}, Concurrency } = await lambda.send(new GetFunctionCommand({ FunctionName }));
    const { Description, Handler, Runtime, Architectures, MemorySize, Timeout, Role, Environment } = found;
    const settings = { Description, Handler, Runtime, Architectures, MemorySize, Timeout, Role };
    const { ReservedConcurrentExecutions } = Concurrency ?? {};
    // Where the code came from is not kept.
    return {
      properties: { Code, FunctionName: found.FunctionName, ...settings, Environment, ReservedConcurrentExecutions },
      arn: found.FunctionArn,
    };
  },

  async "AWS::Lambda::EventSourceMapping"({ lambda }, UUID) {
    const found = await lambda.send(new GetEventSourceMappingCommand({ UUID }));
    const { EventSourceArn, FunctionArn: FunctionName, BatchSize, FunctionResponseTypes, ScalingConfig } = found;
    return { properties: { EventSourceArn, FunctionName, BatchSize, FunctionResponseTypes, ScalingConfig } };
  },

  async "AWS::Lambda::Permission"({ lambda }, _, { FunctionName }) {
    const { Policy } = await lambda.send(new GetPolicyCommand({ FunctionName: String(FunctionName) }));
    const [statement, ...more] = JSON.parse(String(Policy)).Statement;
    if (more.length > 0) throw new Error(`permissions of ${FunctionName}: expected one, received ${more.length + 1}`);
    const { Action, Principal, Resource, Condition } = statement;
    const SourceArn = Condition.ArnLike["AWS:SourceArn"];
    return { properties: { FunctionName: Resource, Action, Principal: Principal.Service, SourceArn } };
  },

  async "AWS::Lambda::EventInvokeConfig"({ lambda }, _, { FunctionName }) {
    const command = new GetFunctionEventInvokeConfigCommand({ FunctionName: String(FunctionName) });
    const { FunctionArn = "", MaximumEventAgeInSeconds, MaximumRetryAttempts } = await lambda.send(command);
    const [name, Qualifier] = FunctionArn.split(":").slice(6);
    return { properties: { FunctionName: name, Qualifier, MaximumEventAgeInSeconds, MaximumRetryAttempts } };
  },

  async "AWS::IAM::Role"({ iam }, RoleName) {
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
    const Policies = await Promise.all(
      PolicyNames.map(async (PolicyName) => {
        const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
        return { PolicyName, PolicyDocument: document(PolicyDocument) };
      }),
    );
    const AssumeRolePolicyDocument = document(Role?.AssumeRolePolicyDocument);
    return { properties: { AssumeRolePolicyDocument, Policies }, arn: Role?.Arn };
  },

  async "AWS::Logs::LogGroup"({ logs }, logGroupNamePrefix) {
    const { logGroups: [group] = [] } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix }));
    return {
      properties: { LogGroupName: group?.logGroupName, RetentionInDays: group?.retentionInDays },
      arn: group?.arn,
    };
  },

  async "AWS::CloudWatch::Alarm"({ cloudWatch }, name) {
    const { MetricAlarms: [alarm] = [] } = await cloudWatch.send(new DescribeAlarmsCommand({ AlarmNames: [name] }));
    const { AlarmArn, AlarmConfigurationUpdatedTimestamp: _, ActionsEnabled, ...rest } = alarm ?? {};
    const settings = Object.entries(rest).filter(([key]) => !key.startsWith("State"));
    const enabled = unlessDefault({ ActionsEnabled }, { ActionsEnabled: true });
    return { properties: { ...Object.fromEntries(settings), ...enabled }, arn: AlarmArn };
  },

  async "AWS::CloudWatch::Dashboard"({ cloudWatch }, DashboardName) {
    const found = await cloudWatch.send(new GetDashboardCommand({ DashboardName }));
    return { properties: { DashboardName: found.DashboardName, DashboardBody: found.DashboardBody } };
  },

  async "AWS::Scheduler::ScheduleGroup"({ scheduler }, name) {
    const { Name, Arn } = await scheduler.send(new GetScheduleGroupCommand({ Name: name }));
    return { properties: { Name }, arn: Arn };
  },

  async "AWS::Scheduler::Schedule"({ scheduler }, name, { GroupName: group }) {
    const found = await scheduler.send(new GetScheduleCommand({ Name: name, GroupName: String(group) }));
    const { Name, GroupName, ScheduleExpression, FlexibleTimeWindow, Target, State } = found;
    const properties = { Name, GroupName, ScheduleExpression, FlexibleTimeWindow, Target };
    return { properties: { ...properties, ...unlessDefault({ State }, { State: "ENABLED" }) } };
  },
};

/** Asks the service of a resource's type how the resource is. */
export function readBack(services: Services, type: string, physicalId: string, intended: Properties) {
  const reader = readers[type];
  if (reader === undefined) throw new Error(`${type}: expected one of ${Object.keys(readers).join(", ")}`);
  return reader(services, physicalId, intended);
}

/** The values that somebody has set. */
function unlessDefault(values: Properties, defaults: Properties): Properties {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== defaults[name]));
}

/** A policy document, which IAM gives in the form of a URL. moto leaves null where there is no value. */
function document(text: string | undefined): unknown {
  const { Statement, ...rest } = JSON.parse(decodeURIComponent(String(text)));
  return { ...rest, Statement: Statement.filter((statement: unknown) => statement !== null) };
}
