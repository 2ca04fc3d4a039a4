import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { LiveBroadcast } from "../../functions/nog/gen/nogfso/broadcast_pb.ts";
import { FreezeRepo, RegistryFreezeRepo, ReposFreezeRepo } from "../../functions/nog/gen/nogfso/freeze-repo_pb.ts";
import { PingRegistry } from "../../functions/nog/gen/nogfso/ping-registry_pb.ts";
import { DiskUsage, EphemeralRegistry, Registry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { SplitRoot } from "../../functions/nog/gen/nogfso/split-root_pb.ts";
import { AuthRequiredScopeSchema } from "../../functions/nog/gen/nogfso/status_pb.ts";
import type { Scope } from "../../local/upstream/access.ts";
import type { Upstream } from "../../local/upstream/server.ts";
import {
  collect,
  expectFailure,
  failure,
  type Protocol,
  protocolNames,
  protocols,
  registry,
  repoId,
  start,
  workflowA,
  workflowB,
} from "./harness.ts";

const token = "header.payload.signature";

function clients(upstream: Upstream, protocol: Protocol, header: Record<string, string>) {
  const transport = protocols[protocol](upstream, header);
  return {
    registry: createClient(Registry, transport),
    ephemeral: createClient(EphemeralRegistry, transport),
    repos: createClient(Repos, transport),
    live: createClient(LiveBroadcast, transport),
    ping: createClient(PingRegistry, transport),
    du: createClient(DiskUsage, transport),
    split: createClient(SplitRoot, transport),
    freeze: createClient(FreezeRepo, transport),
    ofRegistry: createClient(RegistryFreezeRepo, transport),
    ofRepo: createClient(ReposFreezeRepo, transport),
  };
}

/** Calls of every service that an unauthenticated client can make. */
function calls(all: ReturnType<typeof clients>): (() => Promise<unknown> | AsyncIterable<unknown>)[] {
  return [
    () => all.registry.events({ registry }),
    () => all.ephemeral.registryWorkflowIndexEvents({ registry }),
    () => all.ephemeral.registryWorkflowEvents({ registry, workflow: workflowA }),
    () => all.repos.events({ repo: repoId }),
    () => all.repos.workflowEvents({ repo: repoId, workflow: workflowA }),
    () => all.live.aggregateSignals({}),
    () => all.ping.beginPingRegistry({ registry, workflow: workflowA }),
    () => all.du.beginDuRoot({ registry, globalRoot: "/ex", workflow: workflowA }),
    () => all.registry.getRepos({ registry }),
    () => all.repos.getRepo({ repo: repoId }),
    () => all.split.getSplitRootConfig({ registry, globalRoot: "/ex" }),
    () => all.split.deleteSplitRootConfig({ registry, globalRoot: "/ex" }),
    () => all.split.beginSplitRoot({ registry, globalRoot: "/ex", workflow: workflowA }),
    () => all.freeze.beginFreezeRepo({ registry, repo: repoId, workflow: workflowA }),
    () => all.ofRegistry.registryBeginFreezeRepo({ registry, repo: repoId, workflow: workflowA }),
    () => all.ofRepo.reposBeginFreezeRepo({ repo: repoId, workflow: workflowA }),
  ];
}

describe.each(protocolNames)("over %s", (protocol) => {
  test("the bare token is accepted, a missing, wrong or Bearer one is Unauthenticated", async () => {
    const { upstream } = await start({ token });
    const good = clients(upstream, protocol, { authorization: token });
    expect(await collect(good.registry.events({ registry }))).not.toHaveLength(0);
    expect(await collect(good.repos.events({ repo: repoId }))).not.toHaveLength(0);

    for (const call of calls(clients(upstream, protocol, {}))) {
      await expectFailure(call(), Code.Unauthenticated, "missing GRPC authorization metadata");
    }
    for (const authorization of [`Bearer ${token}`, "wrong", `${token} `.repeat(2)]) {
      for (const call of calls(clients(upstream, protocol, { authorization }))) {
        await expectFailure(call(), Code.Unauthenticated, "invalid token");
      }
    }
  });

  test("Unauthenticated names the required scope of calls on a name, and only of those", async () => {
    const { upstream } = await start({ token });
    const { registry: registries, live, repos } = clients(upstream, protocol, {});
    const details = async (call: Promise<unknown> | AsyncIterable<unknown>) =>
      (await failure(call)).findDetails(AuthRequiredScopeSchema);
    expect(await details(registries.events({ registry }))).toMatchObject([
      { action: "fso/read-registry", name: registry, path: "" },
    ]);
    expect(await details(live.aggregateSignals({}))).toMatchObject([{ action: "bc/read", name: "allaggsig" }]);
    expect(await details(repos.events({ repo: repoId }))).toEqual([]);
  });

  test("a token without the scope is refused with Unknown", async () => {
    const asked: Scope[] = [];
    const allows = (scope: Scope) => {
      asked.push(scope);
      return false;
    };
    const { upstream } = await start({ token, allows });
    for (const call of calls(clients(upstream, protocol, { authorization: token }))) {
      await expectFailure(call(), Code.Unknown, "default deny");
    }
    expect(asked).toEqual([
      { action: "fso/read-registry", name: registry },
      { action: "fso/read-registry", name: registry },
      { action: "fso/read-registry", name: registry },
      { action: "fso/read-repo", path: "/ex/repo" },
      { action: "fso/read-repo", path: "/ex/repo" },
      { action: "bc/read", name: "allaggsig" },
      { action: "fso/admin-registry", name: registry },
      { action: "fso/read-registry", name: registry },
      { action: "fso/read-registry", name: registry },
      { action: "fso/read-repo", path: "/ex/repo" },
      { action: "fso/read-root", path: "/ex" },
      { action: "fso/admin-registry", name: registry },
      { action: "fso/admin-root", path: "/ex" },
      { action: "fso/freeze-repo", path: "/ex/repo" },
      { action: "fso/exec-freeze-repo", path: "/ex/repo" },
      { action: "fso/exec-freeze-repo", path: "/ex/repo" },
    ]);
  });
});

test("authorization comes before a malformed after, and a malformed name before authorization", async () => {
  const { upstream } = await start({ token });
  const { registry: registries } = clients(upstream, "grpc", {});
  const after = new Uint8Array(3);
  await expectFailure(registries.events({ registry, after }), Code.Unauthenticated, /authorization/);
  await expectFailure(registries.events({ registry: "-", after }), Code.InvalidArgument, /registry name/);
});

test("the events of a du workflow need the root's scope as well, those of a ping do not", async () => {
  const allows = (scope: Scope) => scope.action !== "fso/read-root";
  const { upstream } = await start({ allows });
  const { du, ping, ephemeral } = clients(upstream, "grpc", {});
  await expectFailure(
    du.beginDuRoot({ registry, globalRoot: "/ex", workflow: workflowA }),
    Code.Unknown,
    "default deny",
  );
  await ping.beginPingRegistry({ registry, workflow: workflowB });
  expect(await collect(ephemeral.registryWorkflowEvents({ registry, workflow: workflowB }))).toHaveLength(1);

  const { globalRoot, host, hostRoot } = { globalRoot: "/ex", host: "h", hostRoot: "/" };
  const registryId = upstream.seed.initRegistry(registry);
  const fsoRootInfo = { globalRoot, host, hostRoot };
  upstream.seed.appendRegistryWorkflowEvents(workflowA, [{ event: 101, registryId, fsoRootInfo }]);
  await expectFailure(
    ephemeral.registryWorkflowEvents({ registry, workflow: workflowA }),
    Code.Unknown,
    "default deny",
  );
});

test("each command asks for its own action", async () => {
  const asked: string[] = [];
  const allows = (scope: Scope) => {
    asked.push(`${scope.action} ${"name" in scope ? scope.name : scope.path}`);
    return true;
  };
  const { upstream } = await start({ allows });
  const { du, ping } = clients(upstream, "grpc", {});
  await du.beginDuRoot({ registry, globalRoot: "/ex/", workflow: workflowA });
  await du.appendDuRoot({ workflow: workflowA });
  await du.commitDuRoot({ workflow: workflowA });
  await ping.beginPingRegistry({ registry, workflow: workflowB });
  await ping.serverPing({ workflow: workflowB });
  await ping.postServerPingSummary({ workflow: workflowB });
  await ping.commitPingRegistry({ workflow: workflowB });
  expect(asked).toEqual([
    "fso/read-registry exreg",
    "fso/read-root /ex",
    "fso/exec-du /ex",
    "fso/exec-du /ex",
    "fso/admin-registry exreg",
    "fso/exec-ping-registry exreg",
    "fso/exec-ping-registry exreg",
    "fso/admin-registry exreg",
  ]);
});
