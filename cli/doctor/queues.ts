import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from "@aws-sdk/client-sqs";
import { check, type Finding, Fix, is } from "./check.ts";

/** Checks the target queues of the bus: waiting messages and the visibility timeout. */
export async function checkQueues(arns: readonly string[], lazyTimeoutSeconds: number | undefined): Promise<Finding[]> {
  const client = new SQSClient({});
  try {
    const of = (arn: string) => arn.slice(arn.lastIndexOf(":") + 1);
    return await Promise.all(
      [...arns]
        .sort()
        .map((arn) =>
          check(`queue ${of(arn)}`, "sqs:GetQueueUrl and sqs:GetQueueAttributes", () =>
            checkQueue(client, arn, of(arn), lazyTimeoutSeconds),
          ),
        ),
    );
  } finally {
    client.destroy();
  }
}

async function checkQueue(
  client: SQSClient,
  arn: string,
  name: string,
  lazyTimeoutSeconds: number | undefined,
): Promise<string> {
  const [, , , , owner] = arn.split(":");
  const { QueueUrl } = await client
    .send(new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: owner }))
    .catch((error: Error) => {
      if (!/NonExistentQueue|QueueDoesNotExist/.test(error.name)) throw error;
      throw new Fix("does not exist, but is the target of a rule of the bus: deploy");
    });
  const { Attributes = {} } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
  const waiting = Number(Attributes.ApproximateNumberOfMessages ?? 0);
  if (Attributes.RedrivePolicy === undefined) {
    const remedy = "find the cause in the function's log, fix it, and redrive them";
    is(waiting === 0, `${waiting} dead letters: ${remedy}`);
    return "no dead letters";
  }
  const visibility = Number(Attributes.VisibilityTimeout ?? 0);
  is(
    lazyTimeoutSeconds === undefined || visibility > lazyTimeoutSeconds,
    `the visibility timeout is ${visibility} s, too short for the lazy function's timeout of ${lazyTimeoutSeconds} s: deploy infra/queues.yml`,
  );
  return `${waiting} messages waiting`;
}
