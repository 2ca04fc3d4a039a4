import { constants } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";

/** The reset codes that are errors, as gRPC maps them (grpc/doc/PROTOCOL-HTTP2.md). */
const codes: Readonly<Record<string, Code>> = {
  PROTOCOL_ERROR: Code.Internal,
  INTERNAL_ERROR: Code.Internal,
  FLOW_CONTROL_ERROR: Code.Internal,
  SETTINGS_TIMEOUT: Code.Internal,
  FRAME_SIZE_ERROR: Code.Internal,
  COMPRESSION_ERROR: Code.Internal,
  CONNECT_ERROR: Code.Internal,
  REFUSED_STREAM: Code.Unavailable,
  CANCEL: Code.Canceled,
  ENHANCE_YOUR_CALM: Code.ResourceExhausted,
  INADEQUATE_SECURITY: Code.PermissionDenied,
  HTTP_1_1_REQUIRED: Code.PermissionDenied,
};
const nameOfReset = new Map(
  Object.keys(codes).map((name) => [constants[`NGHTTP2_${name}` as keyof typeof constants] as number, name]),
);

/**
 * The error of a stream that was closed with a reset code, with connect's text; undefined for a code that is no error.
 */
export function errorOfReset(rstCode: number | undefined): ConnectError | undefined {
  const name = nameOfReset.get(rstCode ?? 0);
  if (name === undefined || rstCode === undefined) return undefined;
  return new ConnectError(`http/2 stream closed with error code ${name} (0x${rstCode.toString(16)})`, codes[name]);
}

const aborted: readonly unknown[] = ["ERR_STREAM_DESTROYED", "ERR_HTTP2_INVALID_STREAM", "ECONNRESET"];
const unavailable: readonly unknown[] = ["ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED"];

/** Converts the error of a socket or a stream: connect's code for it, and the error itself as the cause. */
export function errorOfNode(reason: unknown): ConnectError {
  if (reason instanceof ConnectError) return reason;
  const chain = new Set<unknown>();
  for (let one = reason; one instanceof Error && !chain.has(one); one = one.cause) chain.add(one);
  const found = [...chain].map((one) => (one as { readonly code?: unknown }).code);
  const code = found.some((one) => aborted.includes(one))
    ? Code.Aborted
    : found.some((one) => unavailable.includes(one))
      ? Code.Unavailable
      : Code.Internal;
  const error = ConnectError.from(reason, code);
  error.cause = reason;
  return error;
}
