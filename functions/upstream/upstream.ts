/** A server with event streams, as an app configures it. */
export interface Upstream {
  readonly baseUrl: string;
  /** `grpc` needs HTTP/2 (connect-node); `connect` and `grpc-web` go over fetch (connect-web). */
  readonly protocol: "connect" | "grpc" | "grpc-web";
  /**
   * The token, for instance `tokenFromFile(path)`. Called at the first call; again from 60 s before it expires, if it is
   * a JWT with `exp`, else at an age of 5 minutes; and after `Unauthenticated`. It must settle: calls wait for it.
   */
  readonly authorization?: () => Promise<string>;
  /**
   * How the `authorization` header says it: `bare`, the token as it is (nog wants that and refuses a "Bearer " prefix),
   * or `Bearer`, as `Bearer <token>`. Default `bare`.
   */
  readonly scheme?: "bare" | "Bearer";
  /** Most streams open at once in one invocation. Default 100. */
  readonly maxOpenStreams?: number;
}
