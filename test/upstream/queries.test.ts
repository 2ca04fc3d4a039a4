import { Code, createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { Registry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import {
  RepoEvent_Type,
  Repos,
  GetRepoO_StorageTierCode as StorageTier,
} from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { registryHistory } from "../../local/upstream/ids.ts";
import { expectFailure, protocolNames, protocols, registry, repoId, start } from "./harness.ts";

test.each(protocolNames)(
  "the repos of a registry are listed by path, all or below a prefix, over %s",
  async (protocol) => {
    const { upstream } = await start();
    const client = createClient(Registry, protocols[protocol](upstream));
    for (const path of ["/ex/a/b", "/ex/a", "/ex/ab"]) upstream.seed.initRepo(registry, { globalPath: path });
    const list = async (globalPathPrefix?: string) =>
      (await client.getRepos({ registry, ...(globalPathPrefix && { globalPathPrefix }) })).repos.map(
        (r) => r.globalPath,
      );
    expect(await list()).toEqual(["/ex/a", "/ex/a/b", "/ex/ab", "/ex/repo"]);
    expect(await list("/ex/a/")).toEqual(["/ex/a", "/ex/a/b"]);
    expect(await list("/ex/no")).toEqual([]);
    expect(await client.getRepos({ registry, globalPathPrefix: "/ex/repo" })).toMatchObject({
      registry,
      vid: upstream.journal.head(registryHistory(registry)),
      repos: [{ id: repoId, confirmed: true }],
    });
    await expectFailure(client.getRepos({ registry: "no" }), Code.Unknown, "registry error: uninitialized registry");
  },
);

test.each(protocolNames)("a repo tells where it is, its error and its tier, over %s", async (protocol) => {
  const { upstream } = await start();
  const client = createClient(Repos, protocols[protocol](upstream));
  const bare = { repo: repoId, registry, globalPath: "/ex/repo", file: "h.example.org:/data/ex/repo" };
  expect(await client.getRepo({ repo: repoId })).toMatchObject({
    ...bare,
    shadow: "",
    errorMessage: "",
    storageTier: StorageTier.ST_UNSPECIFIED,
    vid: upstream.journal.head(repoId),
  });
  for (let i = 0; i < 2; i++) upstream.seed.confirmShadow(repoId);
  upstream.seed.appendRepoEvents(repoId, [
    { event: RepoEvent_Type.EV_FSO_REPO_ERROR_SET, fsoRepoErrorMessage: "oops" },
  ]);
  expect(await client.getRepo({ repo: repoId })).toMatchObject({
    ...bare,
    shadow: "h.example.org:/shadow/ex/repo.fso",
    errorMessage: "oops",
    storageTier: StorageTier.ST_ONLINE,
  });
});
