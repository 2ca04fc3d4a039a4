import { describeError } from "../contract/error.ts";
import type { LogFields, Logger } from "../foundation/logger.ts";

/** Does what may fail without harm, since something else repairs it; a failure is a warning and resolves to undefined. */
export async function bestEffort<T>(
  { log }: { readonly log: Logger },
  message: string,
  fields: LogFields,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    log.warn(message, { ...fields, err: describeError(error) });
    return undefined;
  }
}
