/** A server with event streams, as an app configures it. */
export interface Upstream {
  readonly baseUrl: string;
  /** `grpc` needs HTTP/2 (connect-node); `connect` and `grpc-web` go over fetch (connect-web). */
  readonly protocol: "connect" | "grpc" | "grpc-web";
  /**
   * Returns the token, for instance `tokenFromFile(path)`. Called before the first call; again from 60 s before the
   * token expires, if it is a JWT with `exp`, else at its age of 5 minutes; and after `Unauthenticated`. It must
   * settle, since calls wait for it.
   */
  readonly authorization?: () => Promise<string>;
  /**
   * The form of the `authorization` header: `bare`, the token as it is (nog refuses a "Bearer " prefix), or `Bearer`,
   * as `Bearer <token>`. Default `bare`.
   */
  readonly scheme?: "bare" | "Bearer";
  /** At most this many streams are open at once in one invocation. Default 100. */
  readonly maxOpenStreams?: number;
}
