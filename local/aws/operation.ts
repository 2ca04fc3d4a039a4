import type { RequestFields } from "./request-fields.ts";

/** Handles one operation of a service: from its request fields to its answer; `signal` aborts when the caller has gone. */
export type Operation = (input: RequestFields, signal: AbortSignal) => unknown;

export type Operations = Readonly<Record<string, Operation>>;
