import { isJsonObject } from "./request-fields.ts";
import { ServiceError } from "./service-error.ts";

export interface RedrivePolicy {
  readonly deadLetterTargetArn: string;
  /** 1-1000: how many times a message is received before it moves to the dead letter queue. */
  readonly maxReceiveCount: number;
}

/** A queue's settings, in the units of the API: seconds and bytes. */
export interface QueueSettings {
  readonly delaySeconds: number;
  readonly visibilityTimeout: number;
  readonly receiveWaitSeconds: number;
  readonly retentionSeconds: number;
  readonly maximumMessageSize: number;
  readonly redrive?: RedrivePolicy;
  /** Attributes that are stored and returned, but have no effect. */
  readonly kept: Readonly<Record<string, string>>;
}

/** Defaults and ranges as in the SQS API reference, CreateQueue. */
const numericAttributes = {
  DelaySeconds: { key: "delaySeconds", min: 0, max: 900, default: 0 },
  VisibilityTimeout: { key: "visibilityTimeout", min: 0, max: 43_200, default: 30 },
  ReceiveMessageWaitTimeSeconds: { key: "receiveWaitSeconds", min: 0, max: 20, default: 0 },
  MessageRetentionPeriod: { key: "retentionSeconds", min: 60, max: 1_209_600, default: 345_600 },
  MaximumMessageSize: { key: "maximumMessageSize", min: 1024, max: 1_048_576, default: 1_048_576 },
} as const;

const keptAttributes = ["Policy", "RedriveAllowPolicy", "SqsManagedSseEnabled"];

export const defaultQueueSettings: QueueSettings = {
  delaySeconds: numericAttributes.DelaySeconds.default,
  visibilityTimeout: numericAttributes.VisibilityTimeout.default,
  receiveWaitSeconds: numericAttributes.ReceiveMessageWaitTimeSeconds.default,
  retentionSeconds: numericAttributes.MessageRetentionPeriod.default,
  maximumMessageSize: numericAttributes.MaximumMessageSize.default,
  kept: {},
};

/** The settings, overridden by the given attributes of CreateQueue or SetQueueAttributes. */
export function applyQueueAttributes(
  settings: QueueSettings,
  attributes: Readonly<Record<string, string>>,
): QueueSettings {
  let next: QueueSettings = settings;
  for (const [name, value] of Object.entries(attributes)) {
    if (isNumericAttribute(name)) {
      next = { ...next, [numericAttributes[name].key]: integerAttribute(name, value) };
    } else if (name === "RedrivePolicy") {
      const { redrive: _, ...rest } = next;
      next = value === "" ? rest : { ...rest, redrive: parseRedrivePolicy(value) };
    } else if (keptAttributes.includes(name)) {
      next = { ...next, kept: { ...next.kept, [name]: value } };
    } else {
      throw new ServiceError("InvalidAttributeName", `Unknown or unsupported queue attribute ${name}.`);
    }
  }
  return next;
}

/** The settings as the attributes of GetQueueAttributes. */
export function queueAttributesOf(settings: QueueSettings): Record<string, string> {
  const attributes: Record<string, string> = { ...settings.kept };
  for (const [name, { key }] of Object.entries(numericAttributes)) attributes[name] = String(settings[key]);
  if (settings.redrive) attributes.RedrivePolicy = JSON.stringify(settings.redrive);
  return attributes;
}

function isNumericAttribute(name: string): name is keyof typeof numericAttributes {
  return Object.hasOwn(numericAttributes, name);
}

function integerAttribute(name: keyof typeof numericAttributes, value: string): number {
  const { min, max } = numericAttributes[name];
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw invalidAttribute(name, `an integer between ${min} and ${max}`, value);
}

function parseRedrivePolicy(value: string): RedrivePolicy {
  let policy: unknown;
  try {
    policy = JSON.parse(value);
  } catch {
    throw invalidAttribute("RedrivePolicy", "JSON", value);
  }
  const { deadLetterTargetArn, maxReceiveCount } = isJsonObject(policy) ? policy : {};
  const count = Number(maxReceiveCount);
  if (typeof deadLetterTargetArn !== "string" || !Number.isInteger(count) || count < 1 || count > 1000) {
    throw invalidAttribute("RedrivePolicy", "JSON with deadLetterTargetArn and a maxReceiveCount of 1-1000", value);
  }
  return { deadLetterTargetArn, maxReceiveCount: count };
}

export function invalidAttribute(name: string, expected: string, value: string): ServiceError {
  return new ServiceError(
    "InvalidAttributeValue",
    `Invalid value for the parameter ${name}: expected ${expected}, got '${value}'.`,
  );
}
