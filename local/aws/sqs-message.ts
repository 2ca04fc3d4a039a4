import { createHash } from "node:crypto";

export interface MessageAttribute {
  /** `String`, `Number` or `Binary`, with an optional custom label after a dot. */
  readonly DataType: string;
  readonly StringValue?: string;
  /** Base64. */
  readonly BinaryValue?: string;
}

export type MessageAttributes = Readonly<Record<string, MessageAttribute>>;

/** A message to send. */
export interface OutgoingMessage {
  readonly body: string;
  /** Seconds until the message can be received, 0-900; the queue's own DelaySeconds when absent. */
  readonly delaySeconds?: number;
  readonly attributes?: MessageAttributes;
  /** The X-Ray trace header of the message. */
  readonly traceHeader?: string;
  /** Tenant of a fair queue; a standard queue does not order or exclude by it. */
  readonly groupId?: string;
}

/** A message as a consumer receives it. */
export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly md5OfBody: string;
  /** ApproximateReceiveCount, SentTimestamp and so on; all values are text, times are epoch milliseconds. */
  readonly systemAttributes: Readonly<Record<string, string>>;
  readonly attributes: MessageAttributes;
}

export function md5OfText(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

/**
 * MD5 of message attributes: per attribute in the order of the names, length-prefixed name, data type and value
 * (Amazon SQS Developer Guide, "Calculating the MD5 message digest for message attributes").
 */
export function md5OfAttributes(attributes: MessageAttributes): string {
  const hash = createHash("md5");
  const field = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  for (const name of Object.keys(attributes).sort()) {
    const attribute = attributes[name];
    if (!attribute) continue;
    field(Buffer.from(name));
    field(Buffer.from(attribute.DataType));
    const isBinary = attribute.DataType.startsWith("Binary");
    hash.update(Buffer.of(isBinary ? 2 : 1));
    field(isBinary ? Buffer.from(attribute.BinaryValue ?? "", "base64") : Buffer.from(attribute.StringValue ?? ""));
  }
  return hash.digest("hex");
}

/** The size that counts against the maximum size of a message: body plus attributes, in bytes. */
export function messageBytes(message: OutgoingMessage): number {
  let bytes = Buffer.byteLength(message.body);
  for (const [name, attribute] of Object.entries(message.attributes ?? {})) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(attribute.DataType);
    bytes += Buffer.byteLength(attribute.StringValue ?? "");
    bytes += Buffer.from(attribute.BinaryValue ?? "", "base64").length;
  }
  return bytes;
}

/** Whether SQS accepts all characters of a body: those of XML 1.0 (SQS API reference, SendMessage). */
export function hasOnlyAllowedCharacters(body: string): boolean {
  for (const character of body) {
    const code = character.codePointAt(0) ?? 0;
    if (code === 0x9 || code === 0xa || code === 0xd) continue;
    if (code < 0x20 || (code >= 0xd800 && code <= 0xdfff) || code === 0xfffe || code === 0xffff) return false;
  }
  return true;
}
