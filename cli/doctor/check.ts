import { describeError } from "tailwake/operate";

/** The result of one check. */
export interface Finding {
  readonly what: string;
  readonly state: "ok" | "fix" | "not checked";
  /** The state found, the remedy, or why the check could not be done. */
  readonly says: string;
}

/** Thrown by a check: something is wrong; the message gives the remedy. */
export class Fix extends Error {
  override readonly name = "Fix";
}

/** Thrown by a check that cannot be done here. */
export class NotChecked extends Error {
  override readonly name = "NotChecked";
}

const denied = /^(AccessDenied(Exception)?|AuthorizationError|UnauthorizedOperation|NotAuthorized)$/;
const credentials =
  /^(CredentialsProviderError|ExpiredToken(Exception)?|UnrecognizedClientException|InvalidClientTokenId|InvalidSignatureException|TokenProviderError)$/;

/**
 * Runs a check, which returns the state found. A missing permission is not a failure: the finding then names
 * `permission`.
 */
export async function check(what: string, permission: string, check: () => Promise<string>): Promise<Finding> {
  try {
    return { what, state: "ok", says: await check() };
  } catch (error) {
    if (error instanceof Fix) return { what, state: "fix", says: error.message };
    if (error instanceof NotChecked) return { what, state: "not checked", says: error.message };
    const names = namesIn(error);
    // An error of ours can contain AWS's error only as text.
    const [, action] = /not authorized to perform:? ([\w-]+:\w+)/.exec(describeError(error)) ?? [];
    if (action !== undefined || names.some((name) => denied.test(name))) {
      return { what, state: "not checked", says: `needs the permission ${action ?? permission}` };
    }
    if (names.some((name) => credentials.test(name))) {
      return { what, state: "fix", says: `your AWS credentials were refused: ${describeError(error)}` };
    }
    return { what, state: "fix", says: describeError(error) };
  }
}

/** The names of an error and of its causes. */
function namesIn(error: unknown): string[] {
  const names: string[] = [];
  for (let at = error; at instanceof Error && names.length < 10; at = at.cause) names.push(at.name);
  return names;
}

export function is(fits: boolean, fix: string): void {
  if (!fits) throw new Fix(fix);
}
