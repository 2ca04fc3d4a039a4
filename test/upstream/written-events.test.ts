import { readFileSync } from "node:fs";
import { type DescMessage, toJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { FreezeRepo, RegistryFreezeRepo, ReposFreezeRepo } from "../../functions/nog/gen/nogfso/freeze-repo_pb.ts";
import {
  EphemeralRegistry,
  Registry,
  RegistryEventsOSchema,
  RegistryWorkflowEventsOSchema,
  RegistryWorkflowIndexEventsOSchema,
} from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { RepoEventsOSchema, Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { SplitRoot } from "../../functions/nog/gen/nogfso/split-root_pb.ts";
import { collect, protocols, registry, repoId, start, workflowA, workflowB } from "./harness.ts";

interface Event {
  readonly event: string;
}

/** Each recorded event of a split or a freeze, by stream and type: its fields, without values. */
function recordedShapes(): Map<string, unknown> {
  const file = new URL("./wire-vectors.json", import.meta.url);
  const vectors: { message: string; json: { events?: Event[] } }[] = JSON.parse(readFileSync(file, "utf8"));
  const shapes = new Map<string, unknown>();
  for (const { message, json } of vectors) {
    for (const event of json.events ?? []) {
      if (/SPLIT_ROOT|PATH_FLAG|FREEZE_REPO/.test(event.event)) shapes.set(`${message} ${event.event}`, shape(event));
    }
  }
  return shapes;
}

function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, shape(field)]));
}

function writtenShapes(schema: DescMessage, messages: readonly unknown[]): [string, unknown][] {
  return messages.flatMap((message) => {
    const { events = [] } = toJson(schema, message as never, { useProtoFieldName: true }) as { events?: Event[] };
    return events.map((event): [string, unknown] => [`${schema.typeName} ${event.event}`, shape(event)]);
  });
}

test("each event of a split and a freeze has exactly the fields of the recorded one", async () => {
  const { upstream } = await start();
  upstream.seed.confirmShadow(repoId);
  const transport = protocols.grpc(upstream);
  const split = createClient(SplitRoot, transport);
  const globalRoot = "/ex";
  await split.createSplitRootConfig({ registry, config: { globalRoot, minDiskUsage: 10n, maxDiskUsage: 1000n } });
  await split.createSplitRootPathFlag({ registry, globalRoot, relativePath: "keep", flags: 1 });
  await split.beginSplitRoot({ registry, globalRoot, workflow: workflowA });
  await split.appendSplitRootDu({ workflow: workflowA, paths: [{ path: ".", usage: 5n }] });
  await split.commitSplitRootDu({ workflow: workflowA });
  await split.appendSplitRootSuggestions({ workflow: workflowA, paths: [{ path: ".", suggestion: 1 }] });
  await split.commitSplitRootAnalysis({ workflow: workflowA });

  const freeze = createClient(FreezeRepo, transport);
  const ofRegistry = createClient(RegistryFreezeRepo, transport);
  const ofRepo = createClient(ReposFreezeRepo, transport);
  const workflow = workflowB;
  const author = { authorName: "A U Thor", authorEmail: "author@example.org" };
  await freeze.beginFreezeRepo({ registry, repo: repoId, workflow, ...author });
  await ofRegistry.registryBeginFreezeRepo({ registry, repo: repoId, workflow });
  await ofRepo.reposBeginFreezeRepo({ repo: repoId, workflow });
  await freeze.beginFreezeRepoFiles({ workflow });
  await freeze.commitFreezeRepoFiles({ workflow });
  await ofRepo.reposCommitFreezeRepo({ repo: repoId, workflow });
  await ofRegistry.registryCommitFreezeRepo({ registry, repo: repoId, workflow });
  await freeze.commitFreezeRepo({ workflow });

  const workflows = createClient(EphemeralRegistry, transport);
  const written = new Map([
    ...writtenShapes(RegistryEventsOSchema, await collect(createClient(Registry, transport).events({ registry }))),
    ...writtenShapes(RepoEventsOSchema, await collect(createClient(Repos, transport).events({ repo: repoId }))),
    ...writtenShapes(
      RegistryWorkflowIndexEventsOSchema,
      await collect(workflows.registryWorkflowIndexEvents({ registry })),
    ),
    ...writtenShapes(
      RegistryWorkflowEventsOSchema,
      await collect(workflows.registryWorkflowEvents({ registry, workflow: workflowA })),
    ),
    ...writtenShapes(
      RegistryWorkflowEventsOSchema,
      await collect(workflows.registryWorkflowEvents({ registry, workflow: workflowB })),
    ),
  ]);
  const recorded = recordedShapes();
  expect(recorded.size).toBeGreaterThanOrEqual(19);
  for (const [key, fields] of recorded) expect({ [key]: written.get(key) }).toEqual({ [key]: fields });
});
