import type { FunctionErrorPayload } from "./invocation.ts";

/** An error of the runtime itself, with Lambda's error type, such as `Runtime.HandlerNotFound`. */
export class RuntimeError extends Error {
  constructor(type: string, message: string) {
    super(message);
    this.name = type;
  }
}

/** Converts anything thrown to the form of the Runtime API. */
export function functionErrorOf(thrown: unknown): FunctionErrorPayload {
  if (!(thrown instanceof Error)) return { errorType: typeof thrown, errorMessage: String(thrown), stackTrace: [] };
  return {
    errorType: thrown.name || "Error",
    errorMessage: thrown.message,
    stackTrace: (thrown.stack ?? "").split("\n"),
  };
}
