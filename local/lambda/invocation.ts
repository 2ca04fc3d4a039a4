/** An error as a function's runtime reports it. */
export interface FunctionErrorPayload {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly stackTrace?: readonly string[];
}

interface InvokeFacts {
  readonly requestId: string;
  /** Whether a new environment was started for this invocation. */
  readonly coldStart: boolean;
  /** Time from sending the event until its result, in milliseconds; excludes the start of the environment. */
  readonly durationMs: number;
}

export interface InvokeSuccess extends InvokeFacts {
  readonly ok: true;
  readonly payload: unknown;
}

/** The function threw, timed out, or its process ended; Lambda calls all of these Unhandled. */
export interface InvokeFailure extends InvokeFacts {
  readonly ok: false;
  readonly functionError: "Unhandled";
  readonly payload: FunctionErrorPayload;
}

export type InvokeResult = InvokeSuccess | InvokeFailure;

/** The result of one event in one environment. */
export type Outcome =
  | { readonly ok: true; readonly payload: unknown }
  | { readonly ok: false; readonly payload: FunctionErrorPayload };

/** Maximum size of an event and of a response in bytes (Lambda Developer Guide, quotas). */
export const maxPayloadBytes = 6 * 1_048_576;
