/** The account and region of the emulated resources. */
export interface AccountRegion {
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
}

export interface Arn extends AccountRegion {
  readonly service: string;
  /** The part after the account, such as `event-bus/orders` or the name of a queue. */
  readonly resource: string;
}

export function formatArn(service: string, accountRegion: AccountRegion, resource: string): string {
  return `arn:aws:${service}:${accountRegion.region}:${accountRegion.account}:${resource}`;
}

/** Parses `arn:partition:service:region:account:resource`; undefined when the text is not an ARN. */
export function parseArn(text: string): Arn | undefined {
  const match = /^arn:aws[a-z-]*:([a-z0-9-]+):([a-z0-9-]*):(\d{12}|):(.+)$/.exec(text);
  if (!match) return undefined;
  const [, service = "", region = "", account = "", resource = ""] = match;
  return { service, region, account, resource };
}
