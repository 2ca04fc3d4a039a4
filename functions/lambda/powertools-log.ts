import { LogFormatter, LogItem, Logger as Powertools } from "@aws-lambda-powertools/logger";
import type { LogAttributes, UnformattedAttributes } from "@aws-lambda-powertools/logger/types";
import { type LogFields, type Logger, printable } from "../foundation/logger.ts";
import type { LambdaContext } from "./context.ts";

export interface LambdaLog {
  readonly log: Logger;
  /** From now on the lines are those of this invocation. */
  begin(context: LambdaContext): void;
}

/**
 * The log of a function: what `jsonLogger` prints, a line each, with what tells the invocation: `requestId`, `coldStart`
 * in the first of a process, `traceId` where Lambda traces. The level is `POWERTOOLS_LOG_LEVEL`, or what Lambda's own
 * logging controls say; `info` if neither says anything.
 */
export function powertoolsLog(): LambdaLog {
  const powertools = new Powertools({ logFormatter: new LineFormatter(), jsonReplacerFn: printable });
  const at =
    (level: "debug" | "info" | "warn" | "error") =>
    (message: string, fields: LogFields = {}): void =>
      // Under one name: Powertools drops fields of its own names, as `message`.
      powertools[level](message, { fields });
  return {
    log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
    // It keeps what it is given, and asks for more than we know.
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
  /** What a field says is printed, also if it is "" or null. */
  override prepareForPrint(): void {}
}
