import type { FunctionErrorPayload } from "./invocation.ts";

/** How a process ended, as Node reports it. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const signalWords: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGKILL: "killed",
  SIGTERM: "terminated",
  SIGABRT: "aborted",
  SIGSEGV: "segmentation fault",
};

/** Lambda's error for a process that ended during an invocation, or before it was ready for one. */
export function exitError(requestId: string, { code, signal }: ProcessExit): FunctionErrorPayload {
  const how = signal === null ? `exit status ${code}` : `signal: ${signalWords[signal] ?? signal}`;
  const reason = code === 0 ? "Runtime exited without providing a reason" : `Runtime exited with error: ${how}`;
  return { errorType: "Runtime.ExitError", errorMessage: `RequestId: ${requestId} Error: ${reason}` };
}

/** Lambda's error for an invocation, or the start of an environment, that exceeded its timeout. */
export function timeoutError(requestId: string, timeoutMs: number): FunctionErrorPayload {
  const seconds = (timeoutMs / 1000).toFixed(2);
  return {
    errorType: "Sandbox.Timedout",
    errorMessage: `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`,
  };
}
