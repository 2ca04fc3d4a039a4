import type { LogFields, Logger, LogLevel } from "./logger.ts";

export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that records its lines in `entries`. */
export function recordingLogger(entries: LogEntry[]): Logger {
  const line =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) =>
      void entries.push({ level, message, fields });
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}
