import { Code, ConnectError } from "@connectrpc/connect";

/**
 * What nog's servers say about a freeze. All of it is `Unknown`, as an outage of the journal is, and only the text tells
 * one from the other (nog 4450389, backend/internal/fsoregistry, fsorepos and workflows/freezerepowf).
 */
type Test = (error: unknown) => boolean;

/** The version that a call named is not the current one. */
export const isVersionConflict: Test = says("version conflict: stored VID");

/** A begin that will be refused the next time, too: of a registry, and of a repo. A repo that moves is worth waiting for. */
export const isRefusal: { readonly registry: Test; readonly repos: Test } = {
  registry: says("registry error: cannot freeze repo", "registry error: workflow conflict"),
  repos: says("repos error: storage workflow conflict", "repos error: cannot proceed due to repo error"),
};

/** An abort that finds nothing of its workflow: of a registry, and of a repo. */
export const isNotPending: { readonly registry: Test; readonly repos: Test } = {
  registry: says("registry error: workflow conflict"),
  repos: says("repos error: storage workflow conflict"),
};

/** An abort of a workflow that has ended. */
export const isAlreadyTerminated: Test = says("freeze-repo workflow: already terminated");

function says(...texts: readonly string[]): Test {
  return (error) => {
    const { code, rawMessage } = ConnectError.from(error);
    return code === Code.Unknown && texts.some((text) => rawMessage.includes(text));
  };
}
