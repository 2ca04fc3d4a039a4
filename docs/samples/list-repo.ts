import { caughtUp, completed, createApp, defineActivity, lazy, tokenFromSecret } from "tailwake";
import { liveBroadcast, repo } from "tailwake/nog";

// #region activity
/** A service that lists repos. To list one twice does no harm. */
export interface Catalog {
  list(repoId: string, path: string, signal: AbortSignal): Promise<void>;
}

export const listRepo = (catalog: Catalog) =>
  defineActivity(repo, {
    name: "list-repo",
    view: { version: 1, initial: () => ({ path: "", hasGit: false, hasError: false }) },
    apply(view, { event }) {
      switch (event.type) {
        case "initStarted":
          view.path = event.globalPath;
          break;
        case "gitCreated":
          view.hasGit = true;
          break;
        case "errorSet":
        case "errorCleared":
          view.hasError = event.type === "errorSet";
          break;
      }
    },
    async act(view, run) {
      if (!view.hasGit || view.hasError) return caughtUp();
      await catalog.list(run.address.repoId, view.path, run.signal);
      return completed();
    },
  });
// #endregion activity

const catalog: Catalog = {
  async list(repoId, path, signal) {
    const answer = await fetch(`https://catalog.internal/repos/${repoId}`, { method: "PUT", body: path, signal });
    if (!answer.ok) throw new Error(`the catalog answered ${answer.status}`);
  },
};

// #region app
export const app = createApp({
  activities: [lazy(listRepo(catalog))],
  upstreams: {
    nog: { baseUrl: "https://nog.internal", protocol: "grpc", authorization: tokenFromSecret("nog-token") },
  },
  signalSources: [liveBroadcast],
});
// #endregion app
