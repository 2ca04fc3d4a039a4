/** Where the emulated resources live. */
export interface AwsPlace {
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
}

export interface Arn extends AwsPlace {
  readonly service: string;
  /** What follows the account, such as `event-bus/orders` or a queue's name. */
  readonly resource: string;
}

export function formatArn(service: string, place: AwsPlace, resource: string): string {
  return `arn:aws:${service}:${place.region}:${place.account}:${resource}`;
}

/** Parses `arn:partition:service:region:account:resource`; undefined when the text is no ARN. */
export function parseArn(text: string): Arn | undefined {
  const match = /^arn:aws[a-z-]*:([a-z0-9-]+):([a-z0-9-]*):(\d{12}|):(.+)$/.exec(text);
  if (!match) return undefined;
  const [, service = "", region = "", account = "", resource = ""] = match;
  return { service, region, account, resource };
}
