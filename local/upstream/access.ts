import { createHash, timingSafeEqual } from "node:crypto";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { AuthRequiredScopeSchema } from "../../functions/nog/gen/nogfso/status_pb.ts";

/** The permission that a call needs: an action on a name (registry, broadcast channel) or on a path (root, repo). */
export type Scope = { readonly action: Action } & ({ readonly name: string } | { readonly path: string });

/** The actions of nog 4450389 (backend/internal/fsoauthz/aa.go) that these services check. */
export type Action =
  | "bc/read"
  | "fso/read-registry"
  | "fso/admin-registry"
  | "fso/exec-ping-registry"
  | "fso/admin-root"
  | "fso/read-root"
  | "fso/exec-du"
  | "fso/exec-split-root"
  | "fso/read-repo"
  | "fso/init-repo"
  | "fso/freeze-repo"
  | "fso/exec-freeze-repo";

export interface AccessOptions {
  /** The expected value of the metadata `authorization`, without "Bearer "; if absent, everyone may call. */
  readonly token?: string;
  /** Whether the bearer of the token may do this; everything is allowed if absent. */
  readonly allows?: (scope: Scope) => boolean;
}

/**
 * Authenticates and authorizes calls. Errors as in nog: Unauthenticated without details of the token, Unknown when
 * refused.
 */
export class Access {
  readonly #token: Buffer | undefined;
  readonly #allows: (scope: Scope) => boolean;

  constructor(options: AccessOptions) {
    this.#token = options.token === undefined ? undefined : digest(options.token);
    this.#allows = options.allows ?? (() => true);
  }

  /** Throws Unauthenticated for a missing or wrong token; a token with the prefix "Bearer " is wrong. */
  authenticate(context: HandlerContext): void {
    if (!this.#token) return;
    const received = context.requestHeader.get("authorization");
    if (received === null) throw new ConnectError("missing GRPC authorization metadata", Code.Unauthenticated);
    if (!timingSafeEqual(digest(received), this.#token)) {
      throw new ConnectError("invalid token", Code.Unauthenticated);
    }
  }

  /** Throws Unknown "default deny" if a scope is refused; call {@link authenticate} before. */
  authorize(...scopes: readonly Scope[]): void {
    for (const scope of scopes) {
      if (!this.#allows(scope)) throw new ConnectError("default deny", Code.Unknown);
    }
  }

  /** As {@link authorize}, but one of the scopes is enough. */
  authorizeAny(...scopes: readonly Scope[]): void {
    if (!scopes.some((scope) => this.#allows(scope))) throw new ConnectError("default deny", Code.Unknown);
  }

  /** Authenticates and authorizes an action on a name; Unauthenticated then carries an `AuthRequiredScope` detail. */
  checkName(context: HandlerContext, action: Action, name: string): void {
    try {
      this.authenticate(context);
    } catch (error) {
      const { rawMessage, code } = ConnectError.from(error);
      throw new ConnectError(rawMessage, code, undefined, [{ desc: AuthRequiredScopeSchema, value: { action, name } }]);
    }
    this.authorize({ action, name });
  }

  /** Authenticates and authorizes an action on a path. */
  checkPath(context: HandlerContext, action: Action, path: string): void {
    this.authenticate(context);
    this.authorize({ action, path });
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
