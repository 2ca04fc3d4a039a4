import { GetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { type Readers, unlessDefault } from "./reader.ts";

/** The numeric settings of a queue, with their defaults. */
const queueNumbers = { DelaySeconds: 0, VisibilityTimeout: 30, MessageRetentionPeriod: 345_600 };

export const sqsReaders: Readers = {
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
    // All queues have the same policy.
    return { properties: { Queues, PolicyDocument: JSON.parse([...new Set(policies)].join()) } };
  },
};
