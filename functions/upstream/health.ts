import { Code, ConnectError } from "@connectrpc/connect";

/**
 * How the streams of one upstream have fared in this process since one last opened: what the breaker decides from. It
 * counts only what is the upstream's own state, not what is wrong with one task.
 */
export class UpstreamHealth {
  /** Failures in a row. */
  failures = 0;
  /** Streams that opened since the process started. */
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
 * Would another task's stream fail the same way?
 *
 * | code               | why                                                                                          |
 * |--------------------|----------------------------------------------------------------------------------------------|
 * | Unavailable        | nobody listens, the server is going away, or it says nothing                                 |
 * | DeadlineExceeded   | it is too slow                                                                               |
 * | ResourceExhausted  | it has too much to do                                                                        |
 * | Unauthenticated    | the token is refused, a new one too                                                          |
 * | Canceled, Aborted  | the server died: ours are ended before they are counted                                      |
 * | Unknown, Internal  | only with a cause, which is what the transport gives: `fetch failed`, `terminated`, a reset; |
 * |                    | without one it is the server's own word about this call, like nog's "default deny"           |
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
