import {
  CreateStackCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
} from "@aws-sdk/client-cloudformation";
import { PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { GetRolePolicyCommand, ListAttachedRolePoliciesCommand } from "@aws-sdk/client-iam";
import { detailTypes, wakeSource } from "../../functions/wake/wake.ts";
import { readBack } from "./read-back.ts";
import type { Services } from "./services.ts";
import type { Stack } from "./stack.ts";
import { standIns } from "./stand-ins.ts";

/** A feature that moto lacks, and a check that it still lacks it. */
interface Missing {
  readonly what: string;
  isMissing(services: Services, stack: Stack): Promise<boolean>;
}

/** Properties that moto's CloudFormation does not pass on, or its services do not return: not compared. */
export const missingProperties: Readonly<Record<string, readonly string[]>> = {
  "AWS::DynamoDB::Table": ["PointInTimeRecoverySpecification", "SSESpecification"],
  "AWS::Lambda::Function": ["Architectures"],
  "AWS::Lambda::EventInvokeConfig": ["Qualifier"],
};

/** The workarounds of the deployed stack's checks for moto. Remove each when moto has the feature. */
export const notInMoto: readonly Missing[] = [
  ...Object.keys(standIns).map((type) => ({
    what: `CloudFormation makes no ${type}; its stand-in does`,
    async isMissing(services: Services, stack: Stack) {
      const Properties = stack.intended(idOf(stack, type));
      const StackName = await createStack(services, { Resources: { It: { Type: type, Properties } } });
      const command = new DescribeStackResourcesCommand({ StackName });
      const { StackResources = [] } = await services.cloudFormation.send(command);
      return StackResources.every(({ LogicalResourceId }) => LogicalResourceId === undefined);
    },
  })),
  ...Object.entries(missingProperties).flatMap(([type, properties]) =>
    properties.map((property) => ({
      what: `${property} of ${type}`,
      async isMissing(services: Services, stack: Stack) {
        const id = idOf(stack, type);
        const intended = stack.intended(id);
        const { properties: found } = await readBack(services, type, stack.physicalId(id), intended);
        return JSON.stringify(found[property]) !== JSON.stringify(intended[property]);
      },
    })),
  ),
  {
    what: "Ref of a bus is its name",
    async isMissing(services) {
      const StackName = await createStack(services, {
        Resources: { It: { Type: "AWS::Events::EventBus", Properties: { Name: "a-bus" } } },
        Outputs: { Name: { Value: { Ref: "It" } } },
      });
      const { Stacks: [stack] = [] } = await services.cloudFormation.send(new DescribeStacksCommand({ StackName }));
      return stack?.Outputs?.[0]?.OutputValue !== "a-bus";
    },
  },
  {
    what: "Fn::GetAtt of the Arn of a log group ends with :*",
    async isMissing(services) {
      const StackName = await createStack(services, {
        Resources: { It: { Type: "AWS::Logs::LogGroup", Properties: { LogGroupName: "a-group" } } },
        Outputs: { Arn: { Value: { "Fn::GetAtt": ["It", "Arn"] } } },
      });
      const { Stacks: [stack] = [] } = await services.cloudFormation.send(new DescribeStacksCommand({ StackName }));
      return !stack?.Outputs?.[0]?.OutputValue?.endsWith(":a-group:*");
    },
  },
  {
    what: "the policy of a role, given as an object, is JSON",
    async isMissing(services) {
      const text = await policyOf(services, [statement]);
      return !text.startsWith('{"');
    },
  },
  {
    what: "AWS::NoValue takes an item out of a list",
    async isMissing(services) {
      const text = await policyOf(services, [statement, { Ref: "AWS::NoValue" }]);
      return /\b(None|null)\b/.test(text);
    },
  },
  {
    what: "CloudFormation attaches the managed policies of a role",
    async isMissing(services, stack) {
      const ManagedPolicyArns = [stack.physicalId(idOf(stack, "AWS::IAM::ManagedPolicy"))];
      const RoleName = await createRole(services, { ManagedPolicyArns });
      const { AttachedPolicies } = await services.iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
      return AttachedPolicies?.length === 0;
    },
  },
  {
    what: "an event that a rule sends to a function arrives",
    isMissing: ({ events }, stack) => {
      const EventBusName = stack.physicalId("Bus");
      const entry = { EventBusName, Source: wakeSource, DetailType: detailTypes.holdSignals, Detail: "{}" };
      return events.send(new PutEventsCommand({ Entries: [entry] })).then(
        () => false,
        ({ $metadata }) => $metadata.httpStatusCode === 500,
      );
    },
  },
];

const statement = {
  Effect: "Allow",
  Action: "events:PutEvents",
  Resource: "arn:aws:events:us-east-1:123456789012:event-bus/a",
};

let stacks = 0;
async function createStack({ cloudFormation }: Services, template: object): Promise<string> {
  const StackName = `not-in-moto-${++stacks}`;
  const Capabilities = ["CAPABILITY_IAM" as const];
  await cloudFormation.send(
    new CreateStackCommand({ StackName, TemplateBody: JSON.stringify(template), Capabilities }),
  );
  return StackName;
}

async function createRole(services: Services, properties: object): Promise<string> {
  const RoleName = `role-${stacks}`;
  const AssumeRolePolicyDocument = { Version: "2012-10-17", Statement: [] };
  const Properties = { RoleName, AssumeRolePolicyDocument, ...properties };
  await createStack(services, { Resources: { It: { Type: "AWS::IAM::Role", Properties } } });
  return RoleName;
}

async function policyOf(services: Services, Statement: readonly object[]): Promise<string> {
  const PolicyDocument = { Version: "2012-10-17", Statement };
  const RoleName = await createRole(services, { Policies: [{ PolicyName: "it", PolicyDocument }] });
  const found = await services.iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: "it" }));
  return decodeURIComponent(found.PolicyDocument ?? "");
}

function idOf({ resources }: Stack, type: string): string {
  const [id] = Object.entries(resources).find(([, { Type }]) => Type === type) ?? [];
  if (id === undefined) throw new Error(`${type}: expected one in the stack, found none`);
  return id;
}
