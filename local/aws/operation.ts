import type { RequestFields } from "./request-fields.ts";

/**
 * Handles one operation of a service: takes the request fields, returns the answer. `signal` aborts when the caller
 * disconnects.
 */
export type Operation = (input: RequestFields, signal: AbortSignal) => unknown;

export type Operations = Readonly<Record<string, Operation>>;
