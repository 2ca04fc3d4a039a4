import { Code, ConnectError } from "@connectrpc/connect";

/**
 * The failures of one upstream's streams in this process since one last opened. The breaker decides by them. Counts
 * only failures of the upstream, not those of one task.
 */
export class UpstreamHealth {
  /** Failures in a row. */
  failures = 0;
  /** Streams that have opened since the process started. */
  successes = 0;
  lastError: unknown;

  succeeded(): void {
    this.failures = 0;
    this.successes++;
  }

  failed(error: unknown): void {
    if (!isUpstreamFailure(error)) return;
    this.failures++;
    this.lastError = error;
  }
}

/**
 * True if another task's stream would fail in the same way.
 *
 * | code               | why                                                                                          |
 * |--------------------|----------------------------------------------------------------------------------------------|
 * | Unavailable        | the server is not reachable, is going away, or is silent                                     |
 * | DeadlineExceeded   | the server is too slow                                                                       |
 * | ResourceExhausted  | the server is overloaded                                                                     |
 * | Unauthenticated    | the server refuses the token, and a new one too                                              |
 * | Canceled, Aborted  | the server died; our own aborts are not counted                                              |
 * | Unknown, Internal  | only with a cause, which the transport sets: `fetch failed`, `terminated`, a reset;          |
 * |                    | without a cause it is the server's answer to this call, such as nog's "default deny"         |
 */
export function isUpstreamFailure(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  switch (error.code) {
    case Code.Unavailable:
    case Code.DeadlineExceeded:
    case Code.ResourceExhausted:
    case Code.Unauthenticated:
    case Code.Canceled:
    case Code.Aborted:
      return true;
    case Code.Unknown:
    case Code.Internal:
      return error.cause !== undefined;
    default:
      return false;
  }
}
