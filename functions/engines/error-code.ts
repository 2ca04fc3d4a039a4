import { Code, ConnectError } from "@connectrpc/connect";
import { isTailwakeError } from "../contract/error.ts";

/** The code of an error: gRPC's, Tailwake's, or the name of its class. */
export function errorCode(error: unknown): string {
  if (error instanceof ConnectError) return Code[error.code];
  if (isTailwakeError(error)) return error.code;
  return error instanceof Error ? error.name : typeof error;
}
