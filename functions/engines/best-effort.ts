import { describeError } from "../contract/error.ts";
import type { LogFields, Logger } from "../foundation/logger.ts";

/** Does work whose failure something else repairs. Logs a failure as a warning and resolves to undefined. */
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
