/** Structured log: a message that never varies, and fields that do. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = keyof Logger;

/** A logger that adds `fields` to each line. */
export function withFields(log: Logger, fields: LogFields): Logger {
  return {
    debug: (message, more) => log.debug(message, { ...fields, ...more }),
    info: (message, more) => log.info(message, { ...fields, ...more }),
    warn: (message, more) => log.warn(message, { ...fields, ...more }),
    error: (message, more) => log.error(message, { ...fields, ...more }),
  };
}

/** One JSON object a line: `level`, `msg`, `time` (ISO 8601), then the fields. */
export function jsonLogger(write: (line: string) => void, now: () => number = Date.now): Logger {
  const at =
    (level: LogLevel) =>
    (msg: string, fields?: LogFields): void =>
      write(`${JSON.stringify({ level, msg, time: new Date(now()).toISOString(), ...fields }, printable)}\n`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** JSON has no bigint and prints an error as {}: a log line must not be lost or empty for that. */
export function printable(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Error ? value.message : value;
}
