import type { FunctionErrorPayload } from "./invocation.ts";

/** An error of the runtime itself, with the type that Lambda gives it, such as `Runtime.HandlerNotFound`. */
export class RuntimeError extends Error {
  constructor(type: string, message: string) {
    super(message);
    this.name = type;
  }
}

/** Anything thrown, as the Runtime API takes it. */
export function functionErrorOf(thrown: unknown): FunctionErrorPayload {
  if (!(thrown instanceof Error)) return { errorType: typeof thrown, errorMessage: String(thrown), stackTrace: [] };
  return {
    errorType: thrown.name || "Error",
    errorMessage: thrown.message,
    stackTrace: (thrown.stack ?? "").split("\n"),
  };
}
