import { Code, ConnectError } from "@connectrpc/connect";

/** The errors of nog 4450389, with its codes and texts (backend/internal/nogfsoregd/registryd/errors.go). */

export const shutdown = () => new ConnectError("shutdown", Code.Unavailable);
export const malformedAfter = () => new ConnectError("malformed after", Code.InvalidArgument);
export const malformedVid = () => new ConnectError("malformed VID", Code.InvalidArgument);
export const malformedWorkflowId = () => new ConnectError("malformed workflow ID", Code.InvalidArgument);
export const malformedJobControl = () => new ConnectError("malformed job control", Code.InvalidArgument);
export const versionConflict = () => new ConnectError("version conflict", Code.FailedPrecondition);
export const unknownRoot = () => new ConnectError("unknown root", Code.NotFound);
export const unknownRepo = () => new ConnectError("unknown repo", Code.NotFound);
export const malformedPath = () => new ConnectError("malformed path", Code.InvalidArgument);
export const missingConfig = () => new ConnectError("missing config", Code.InvalidArgument);
export const splitRootDisabled = () => new ConnectError("split root disabled", Code.FailedPrecondition);
export const pathOutsideRoot = () => new ConnectError("path outside of root", Code.FailedPrecondition);
export const pathNotCandidate = () => new ConnectError("path is not a candidate", Code.FailedPrecondition);
export const unimplementedDecision = () => new ConnectError("unimplemented split-root decision", Code.Unimplemented);
export const partialResult = () => new ConnectError("partial result", Code.Unknown);
export const registryDoesNotOwn = () => new ConnectError("registry does not own workflow", Code.PermissionDenied);
export const repoDoesNotOwn = () => new ConnectError("repo does not own workflow", Code.PermissionDenied);
export const unknownWorkflowType = () =>
  new ConnectError("deny access to unknown workflow type", Code.PermissionDenied);
export const unparsable = () => new ConnectError("failed to parse protobuf", Code.Internal);
export const rejectedWorkflowId = (reason: string) =>
  new ConnectError(`rejected workflow ID: ${reason}`, Code.FailedPrecondition);

/** A command would exceed a limit of a workflow. */
export class ResourceExhaustedError extends Error {
  override readonly name = "ResourceExhaustedError";

  /** `limit` like "more than 300 paths". */
  constructor(limit: string) {
    super(`resource exhausted: ${limit}`);
  }
}

/** A state machine refuses a command in its current state. */
export class StateConflictError extends Error {
  override readonly name = "StateConflictError";
}

/** The text of nog 4450389 in all workflows except du-root. */
export const aggregateConflict = () => new StateConflictError("command conflicts with aggregate state");

/** The aggregate has no events. */
export class UninitializedError extends Error {
  override readonly name = "UninitializedError";
}

/** Runs `action`; turns an error that is not a `ConnectError` into one of `code` with the text `<prefix><message>`. */
export function wrapping<T>(prefix: string, action: () => T, code: (error: unknown) => Code = () => Code.Unknown): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof ConnectError) throw error;
    throw new ConnectError(prefix + messageOf(error), code(error), undefined, undefined, error);
  }
}

/** The error of an aborted call: for an exceeded deadline the text of grpc-go 1.33, else a plain cancel. */
export function abortedCall(signal: AbortSignal): ConnectError {
  const reason = ConnectError.from(signal.reason);
  if (reason.code === Code.DeadlineExceeded) return new ConnectError("context deadline exceeded", Code.Unknown);
  return new ConnectError("context canceled", Code.Canceled);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
