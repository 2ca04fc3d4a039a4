import { Code, ConnectError } from "@connectrpc/connect";

/**
 * The errors of nog's servers about a freeze. All have the code `Unknown`, as an outage of the journal, so only the
 * text distinguishes them (nog 4450389, backend/internal/fsoregistry, fsorepos and workflows/freezerepowf).
 */
type Test = (error: unknown) => boolean;

/** The version that the call named is not the current one. */
export const isVersionConflict: Test = says("version conflict: stored VID");

/**
 * A begin that the registry, or the repo, will refuse again. Not for a repo that is being moved, which is worth a
 * retry.
 */
export const isRefusal: { readonly registry: Test; readonly repos: Test } = {
  registry: says("registry error: cannot freeze repo", "registry error: workflow conflict"),
  repos: says("repos error: storage workflow conflict", "repos error: cannot proceed due to repo error"),
};

/** An abort for which the registry, or the repo, has no pending begin of the workflow. */
export const isNotPending: { readonly registry: Test; readonly repos: Test } = {
  registry: says("registry error: workflow conflict"),
  repos: says("repos error: storage workflow conflict"),
};

/** An abort of a workflow that has already ended. */
export const isAlreadyTerminated: Test = says("freeze-repo workflow: already terminated");

function says(...texts: readonly string[]): Test {
  return (error) => {
    const { code, rawMessage } = ConnectError.from(error);
    return code === Code.Unknown && texts.some((text) => rawMessage.includes(text));
  };
}
