import type { RequestFields } from "./request-fields.ts";
import { InvalidField } from "./service-error.ts";
import type { MessageAttribute, OutgoingMessage } from "./sqs-message.ts";

/** Maximum number of attributes of a message (SQS Developer Guide, "Message quotas"). */
const maxAttributes = 10;
const maxDelaySeconds = 900;

/** Reads SendMessage's input, or one entry of SendMessageBatch. */
export function parseOutgoing(input: RequestFields): OutgoingMessage {
  if (input.has("MessageDeduplicationId")) {
    throw new InvalidField("invalid", "MessageDeduplicationId is for FIFO queues, which are not supported here.");
  }
  const delaySeconds = input.optionalInteger("DelaySeconds", { min: 0, max: maxDelaySeconds });
  const groupId = input.optionalText("MessageGroupId", { min: 1, max: 128 });
  const attributes = parseAttributes(input.optionalFields("MessageAttributes"));
  const traceHeader = input.optionalFields("MessageSystemAttributes")?.optionalFields("AWSTraceHeader");
  return {
    body: input.text("MessageBody"),
    ...(delaySeconds === undefined ? {} : { delaySeconds }),
    ...(groupId === undefined ? {} : { groupId }),
    ...(attributes === undefined ? {} : { attributes }),
    ...(traceHeader === undefined ? {} : { traceHeader: traceHeader.text("StringValue") }),
  };
}

function parseAttributes(fields: RequestFields | undefined): Record<string, MessageAttribute> | undefined {
  if (!fields) return undefined;
  const names = fields.keys();
  if (names.length > maxAttributes) {
    throw new InvalidField(
      "invalid",
      `A message has at most ${maxAttributes} attributes, but this has ${names.length}.`,
    );
  }
  return Object.fromEntries(names.map((name) => [name, parseAttribute(name, fields.fields(name))]));
}

function parseAttribute(name: string, fields: RequestFields): MessageAttribute {
  if (!/^[\w.-]{1,256}$/.test(name)) {
    throw new InvalidField(
      "invalid",
      `A message attribute's name must be 1-256 of A-Z a-z 0-9 _ - ., but is '${name}'.`,
    );
  }
  const DataType = fields.text("DataType", { max: 256, pattern: /^(String|Number|Binary)(\..+)?$/ });
  if (DataType.startsWith("Binary")) return { DataType, BinaryValue: fields.text("BinaryValue", { min: 1 }) };
  const StringValue = fields.text("StringValue", { min: 1 });
  if (DataType.startsWith("Number") && !Number.isFinite(Number(StringValue))) {
    throw new InvalidField("invalid", `The message attribute ${name} must be a number, but is '${StringValue}'.`);
  }
  return { DataType, StringValue };
}
