/** A structured log: the message is constant, the fields vary. */
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

/** Writes one JSON object per line: `level`, `msg`, `time` (ISO 8601), then the fields. */
export function jsonLogger(write: (line: string) => void, now: () => number = Date.now): Logger {
  const at =
    (level: LogLevel) =>
    (msg: string, fields?: LogFields): void =>
      write(`${JSON.stringify({ level, msg, time: new Date(now()).toISOString(), ...fields }, printable)}\n`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A replacer for `JSON.stringify`, which throws for a bigint and writes an error as {}. */
export function printable(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Error ? value.message : value;
}
