/** A server with event streams, as an app configures it. */
export interface Upstream {
  readonly baseUrl: string;
  /** `grpc` needs HTTP/2 (connect-node); `connect` and `grpc-web` go over fetch (connect-web). */
  readonly protocol: "connect" | "grpc" | "grpc-web";
  /**
   * The value of the `authorization` header, sent as it is (nog wants a bare token and refuses a "Bearer " prefix).
   * Called once, and again after `Unauthenticated`.
   */
  readonly authorization?: () => Promise<string>;
  /** Most streams open at once in one invocation. Default 100. */
  readonly maxOpenStreams?: number;
}
