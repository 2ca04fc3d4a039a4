import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { type AwsEndpoint, type AwsEndpointOptions, startAwsEndpoint } from "../../local/aws/endpoint.ts";
import { patienceMs } from "../support/patience.ts";
import { TestClock } from "../support/test-clock.ts";

export const roleArn = "arn:aws:iam::123456789012:role/scheduler";

/** An endpoint on a test clock with a client for each service. */
export interface AwsWorld extends AsyncDisposable {
  readonly endpoint: AwsEndpoint;
  readonly clock: TestClock;
  readonly eventBridge: EventBridgeClient;
  readonly sqs: SQSClient;
  readonly scheduler: SchedulerClient;
  createQueue(
    name: string,
    attributes?: Record<string, string>,
  ): Promise<{ readonly url: string; readonly arn: string }>;
  /** Receives and deletes what can be received now, and returns the bodies. */
  take(url: string): Promise<readonly string[]>;
}

export async function startAwsWorld(options: AwsEndpointOptions = {}): Promise<AwsWorld> {
  const clock = new TestClock();
  const endpoint = await startAwsEndpoint({ clock, ...options });
  const config = {
    endpoint: endpoint.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  };
  const clients = {
    eventBridge: new EventBridgeClient(config),
    sqs: new SQSClient(config),
    scheduler: new SchedulerClient(config),
  };
  const { sqs } = clients;
  return {
    endpoint,
    clock,
    ...clients,
    async createQueue(name, Attributes) {
      const { QueueUrl } = await sqs.send(
        new CreateQueueCommand({ QueueName: name, ...(Attributes && { Attributes }) }),
      );
      const { Attributes: all } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }),
      );
      return { url: QueueUrl ?? "", arn: all?.QueueArn ?? "" };
    },
    async take(url) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }));
      for (const { ReceiptHandle } of Messages) {
        await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
      }
      return Messages.map(({ Body = "" }) => Body);
    },
    async [Symbol.asyncDispose]() {
      for (const client of Object.values(clients)) client.destroy();
      await endpoint.close();
    },
  };
}

/** Waits, turn by turn of the event loop, until something holds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`Waited in vain until ${what}.`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
