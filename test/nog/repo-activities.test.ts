import { describe, expect, test } from "vitest";
import { RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { RepoEvent_Type } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { observeRegistry, registry, repo, watchRepo } from "../../functions/nog/index.ts";
import { runProcessor } from "./activity-run.ts";
import { eventIdText, read, registryEvent, repoEvent, repoId, ulid, uuid } from "./messages.ts";

describe("watch-repo", () => {
  const initStarted = repoEvent({
    event: RepoEvent_Type.EV_FSO_REPO_INIT_STARTED,
    fsoRepoInitInfo: { globalPath: "/ex/repo" },
  });
  const errorSet = repoEvent({ event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET, id: ulid(2) });
  const gitCreated = repoEvent({
    event: RepoEvent_Type.EV_FSO_GIT_REPO_CREATED,
    id: ulid(3),
    fsoGitRepoInfo: { gitlabProjectId: 5n },
  });

  test("follows a repo event by event to the head", async () => {
    const { outcome, observed } = await runProcessor(watchRepo, read(repo, [initStarted, errorSet]), {
      address: { repoId },
    });
    expect(outcome).toEqual({ type: "caughtUp", tail: eventIdText(2) });
    expect(observed.advances).toEqual([eventIdText(1), eventIdText(2)]);
    expect(observed.logs).toMatchObject([{ level: "info", fields: { repoId, path: "/ex/repo" } }]);
  });

  test("is completed by the event that says that the Git repo exists", async () => {
    const { outcome } = await runProcessor(watchRepo, read(repo, [gitCreated, errorSet]), { address: { repoId } });
    expect(outcome).toEqual({ type: "completed", tail: eventIdText(3) });
  });
});

describe("observe-registry", () => {
  const added = (n: number) =>
    registryEvent({
      event: RegistryEvent_Type.EV_FSO_REPO_ADDED,
      id: ulid(n),
      fsoRepoInfo: { id: uuid(repoOf(n)), globalPath: `/ex/${n}` },
    });
  const repoOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

  test("starts watch-repo for each repo and is then at the head", async () => {
    const enabled = registryEvent({ event: 54, id: ulid(3), fsoSplitRootParams: { globalRoot: "/ex" } });
    const { outcome, observed } = await runProcessor(observeRegistry, read(registry, [added(1), added(2), enabled]), {
      address: { registry: "exreg" },
    });
    expect(observed.started).toEqual([1, 2].map((n) => ({ child: "watch-repo", address: { repoId: repoOf(n) } })));
    expect(outcome).toEqual({ type: "caughtUp", tail: eventIdText(3) });
  });

  test("advances as it goes, and never past a repo that is not started", async () => {
    const events = Array.from({ length: 600 }, (_, at) => added(at + 1));
    const { observed } = await runProcessor(observeRegistry, read(registry, events), {
      address: { registry: "exreg" },
    });
    expect(observed.advances).toEqual([256, 512, 600].map((n) => eventIdText(n)));
    expect(observed.started).toHaveLength(600);
  });
});
