import type { Operations } from "./operation.ts";
import { pageOf } from "./page.ts";
import type { RequestFields } from "./request-fields.ts";
import { InvalidField } from "./service-error.ts";
import type { Sqs } from "./sqs.ts";
import { queueAttributesOf } from "./sqs-attributes.ts";
import { batch } from "./sqs-batch.ts";
import { md5OfAttributes, type ReceivedMessage } from "./sqs-message.ts";
import { parseOutgoing } from "./sqs-outgoing.ts";
import type { SqsQueue } from "./sqs-queue.ts";

/** SQS API reference, ChangeMessageVisibility. */
const maxVisibilitySeconds = 43_200;

/** The operations of the SQS API by name, from parsed request fields to the answer's structure. */
export function sqsOperations(sqs: Sqs): Operations {
  const queueOf = (input: RequestFields) => sqs.queueByUrl(input.text("QueueUrl"));
  return {
    CreateQueue: (input) => ({
      QueueUrl: sqs.createQueue(input.text("QueueName"), input.optionalTextMap("Attributes")).url,
    }),
    DeleteQueue: (input) => sqs.deleteQueue(queueOf(input)),
    GetQueueUrl: (input) => ({ QueueUrl: sqs.queue(input.text("QueueName")).url }),
    ListQueues: (input) => {
      const prefix = input.optionalText("QueueNamePrefix") ?? "";
      const limit = input.optionalInteger("MaxResults", { min: 1, max: 1000 }) ?? 1000;
      const named = sqs.queues().filter((queue) => queue.name.startsWith(prefix));
      const page = pageOf(named, (queue) => queue.name, limit, input.optionalText("NextToken"));
      return { QueueUrls: page.items.map((queue) => queue.url), NextToken: page.nextToken };
    },
    GetQueueAttributes: (input) => {
      const names = input.optionalTexts("AttributeNames");
      const all = attributesOf(queueOf(input));
      const wanted = Object.entries(all).filter(([name]) => names.includes("All") || names.includes(name));
      return { Attributes: Object.fromEntries(wanted) };
    },
    SetQueueAttributes: (input) => {
      const attributes = input.optionalTextMap("Attributes");
      if (!attributes) throw new InvalidField("missing", "The request must contain Attributes.");
      sqs.setAttributes(queueOf(input), attributes);
    },
    PurgeQueue: (input) => queueOf(input).purge(),
    SendMessage: (input) => {
      const message = parseOutgoing(input);
      const { messageId, md5OfBody } = queueOf(input).send(message);
      return { MessageId: messageId, MD5OfMessageBody: md5OfBody, ...attributesDigest(message.attributes) };
    },
    SendMessageBatch: (input) => {
      const queue = queueOf(input);
      return batch(
        input,
        (entry) => {
          const message = parseOutgoing(entry);
          const { messageId, md5OfBody } = queue.send(message);
          return { MessageId: messageId, MD5OfMessageBody: md5OfBody, ...attributesDigest(message.attributes) };
        },
        (entry) => Buffer.byteLength(entry.optionalText("MessageBody") ?? ""),
      );
    },
    ReceiveMessage: async (input, signal) => {
      const queue = queueOf(input);
      const waitSeconds = input.optionalInteger("WaitTimeSeconds", { min: 0, max: 20 });
      const visibilitySeconds = input.optionalInteger("VisibilityTimeout", { min: 0, max: maxVisibilitySeconds });
      const messages = await queue.receive({
        max: input.optionalInteger("MaxNumberOfMessages", { min: 1, max: 10 }) ?? 1,
        ...(waitSeconds === undefined ? {} : { waitMs: waitSeconds * 1000 }),
        ...(visibilitySeconds === undefined ? {} : { visibilityMs: visibilitySeconds * 1000 }),
        signal,
      });
      const system = [...input.optionalTexts("MessageSystemAttributeNames"), ...input.optionalTexts("AttributeNames")];
      const custom = input.optionalTexts("MessageAttributeNames");
      if (messages.length === 0) return {};
      return { Messages: messages.map((message) => messageAnswer(message, system, custom)) };
    },
    DeleteMessage: (input) => queueOf(input).delete(input.text("ReceiptHandle")),
    DeleteMessageBatch: (input) => {
      const queue = queueOf(input);
      return batch(input, (entry) => {
        queue.delete(entry.text("ReceiptHandle"));
        return {};
      });
    },
    ChangeMessageVisibility: (input) => changeVisibility(queueOf(input), input),
    ChangeMessageVisibilityBatch: (input) => {
      const queue = queueOf(input);
      return batch(input, (entry) => {
        changeVisibility(queue, entry);
        return {};
      });
    },
  };
}

function changeVisibility(queue: SqsQueue, fields: RequestFields): void {
  const seconds = fields.integer("VisibilityTimeout", { min: 0, max: maxVisibilitySeconds });
  queue.changeVisibility(fields.text("ReceiptHandle"), seconds * 1000);
}

function attributesOf(queue: SqsQueue): Record<string, string> {
  const { visible, inFlight, delayed } = queue.counts();
  return {
    ...queueAttributesOf(queue.settings),
    QueueArn: queue.arn,
    CreatedTimestamp: String(Math.floor(queue.createdAt / 1000)),
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
  };
}

function attributesDigest(attributes: ReceivedMessage["attributes"] | undefined): object {
  if (!attributes || Object.keys(attributes).length === 0) return {};
  return { MD5OfMessageAttributes: md5OfAttributes(attributes) };
}

function messageAnswer(message: ReceivedMessage, system: readonly string[], custom: readonly string[]): object {
  const systemEntries = Object.entries(message.systemAttributes).filter(
    ([name]) => system.includes("All") || system.includes(name),
  );
  const customEntries = Object.entries(message.attributes).filter(([name]) =>
    custom.some((wanted) => wanted === "All" || wanted === ".*" || wanted === name || isPrefix(wanted, name)),
  );
  const attributes = Object.fromEntries(customEntries);
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    Body: message.body,
    MD5OfBody: message.md5OfBody,
    ...(systemEntries.length > 0 ? { Attributes: Object.fromEntries(systemEntries) } : {}),
    ...(customEntries.length > 0 ? { MessageAttributes: attributes, ...attributesDigest(attributes) } : {}),
  };
}

function isPrefix(wanted: string, name: string): boolean {
  return wanted.endsWith(".*") && name.startsWith(wanted.slice(0, -1));
}
