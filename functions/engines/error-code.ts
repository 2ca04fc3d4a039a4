import { Code, ConnectError } from "@connectrpc/connect";
import { isTailwakeError } from "../contract/error.ts";

/** What kind of error it is, in one word: gRPC's, ours, or the name of its class. */
export function errorCode(error: unknown): string {
  if (error instanceof ConnectError) return Code[error.code];
  if (isTailwakeError(error)) return error.code;
  return error instanceof Error ? error.name : typeof error;
}
