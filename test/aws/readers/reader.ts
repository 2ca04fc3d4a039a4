import type { Services } from "../services.ts";
import type { Properties } from "../stand-ins.ts";

/** A resource as its service describes it. */
export interface Described {
  /** In the words of its CloudFormation type. What nobody has set is not there. */
  readonly properties: Properties;
  readonly arn?: string | undefined;
}

/** Asks the services how a resource is that is called so, and was to be so. */
type Reader = (services: Services, physicalId: string, intended: Properties) => Promise<Described>;

/** By the type of a resource. */
export type Readers = Readonly<Record<string, Reader>>;

/** The values that somebody has set. */
export function unlessDefault(values: Properties, defaults: Properties): Properties {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== defaults[name]));
}
