import type { Services } from "../services.ts";
import type { Properties } from "../stand-ins.ts";

/** A resource as its service describes it. */
export interface Described {
  /** Properties of its CloudFormation type, without defaults. */
  readonly properties: Properties;
  readonly arn?: string | undefined;
}

/** Reads a resource by its physical id; gets its intended properties. */
type Reader = (services: Services, physicalId: string, intended: Properties) => Promise<Described>;

/** Readers by resource type. */
export type Readers = Readonly<Record<string, Reader>>;

/** The values that differ from the defaults. */
export function unlessDefault(values: Properties, defaults: Properties): Properties {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== defaults[name]));
}
