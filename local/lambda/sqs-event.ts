import type { ReceivedMessage } from "../aws/sqs-message.ts";

/**
 * The event that a function receives for a batch of messages (Lambda Developer Guide, "Using Lambda with Amazon SQS").
 */
export interface SqsEvent {
  readonly Records: readonly object[];
}

export function sqsEventOf(messages: readonly ReceivedMessage[], queueArn: string, awsRegion: string): SqsEvent {
  return {
    Records: messages.map((message) => ({
      messageId: message.messageId,
      receiptHandle: message.receiptHandle,
      body: message.body,
      attributes: message.systemAttributes,
      messageAttributes: Object.fromEntries(
        Object.entries(message.attributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
          name,
          {
            ...(StringValue === undefined ? {} : { stringValue: StringValue }),
            ...(BinaryValue === undefined ? {} : { binaryValue: BinaryValue }),
            stringListValues: [],
            binaryListValues: [],
            dataType: DataType,
          },
        ]),
      ),
      md5OfBody: message.md5OfBody,
      eventSource: "aws:sqs",
      eventSourceARN: queueArn,
      awsRegion,
    })),
  };
}
