import { LogFormatter, LogItem, Logger as Powertools } from "@aws-lambda-powertools/logger";
import type { LogAttributes, UnformattedAttributes } from "@aws-lambda-powertools/logger/types";
import { type LogFields, type Logger, printable } from "../foundation/logger.ts";
import type { LambdaContext } from "./context.ts";

export interface LambdaLog {
  readonly log: Logger;
  /** From now on the lines are of this invocation. */
  begin(context: LambdaContext): void;
}

/**
 * The log of a function: the lines of `jsonLogger`, with fields that identify the invocation: `requestId`, `coldStart`
 * in the first of a process, `traceId` where Lambda traces. The level is `POWERTOOLS_LOG_LEVEL`, or else that of
 * Lambda's logging controls, or else `info`.
 */
export function powertoolsLog(): LambdaLog {
  const powertools = new Powertools({ logFormatter: new LineFormatter(), jsonReplacerFn: printable });
  const at =
    (level: "debug" | "info" | "warn" | "error") =>
    (message: string, fields: LogFields = {}): void =>
      // Under one name: Powertools drops fields with its own names, such as `message`.
      powertools[level](message, { fields });
  return {
    log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
    // Powertools keeps the fields that it gets; its type asks for all of Lambda's.
    begin: ({ awsRequestId }) => powertools.addContext({ awsRequestId } as Parameters<Powertools["addContext"]>[0]),
  };
}

class LineFormatter extends LogFormatter {
  formatAttributes(own: UnformattedAttributes, { fields }: LogAttributes): LogItem {
    const { logLevel, message, timestamp, lambdaContext, xRayTraceId } = own;
    return new Line({
      attributes: {
        level: logLevel.toLowerCase(),
        msg: message,
        time: timestamp.toISOString(),
        requestId: lambdaContext?.awsRequestId,
        coldStart: lambdaContext?.coldStart || undefined,
        traceId: xRayTraceId,
        ...(fields as LogFields),
      },
    });
  }
}

class Line extends LogItem {
  /** Keeps fields that are "" or null, which Powertools would remove. */
  override prepareForPrint(): void {}
}
