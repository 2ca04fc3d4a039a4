import { registryEvent, registryId, repoEvent, repoId, ulid, uuid, workflowEvent, workflowId } from "./messages.ts";

/** An event that carries every field there is. */
export const whole = {
  workflow: (event: number) =>
    workflowEvent({
      event,
      fsoRegistryName: "exreg",
      fsoRootInfo: { globalRoot: "/ex", host: "h", hostRoot: "/data/ex" },
      repoId: uuid(repoId),
      repoEventId: ulid(2),
      fsoRepoInitInfo: { globalPath: "/ex/a", fileHost: "h", hostPath: "/data/ex/a" },
      fsoShadowRepoInfo: { shadowPath: "/shadow/a" },
      fsoArchiveRepoInfo: { archiveUrl: "tartt://a" },
      registryEventId: ulid(3),
      newFsoRepoInitInfo: { globalPath: "/ex/b", fileHost: "h", hostPath: "/data/ex/b" },
      workflowId: uuid(workflowId),
      workflowEventId: ulid(4),
      statusCode: 7,
      statusMessage: "seven",
      pathDiskUsage: { path: "a", usage: 5n },
      fsoSplitRootSuggestion: { path: "a", suggestion: 2 },
      fsoSplitRootDecision: { path: "a", decision: 1 },
      workflowIndexState: {},
      registryId: uuid(registryId),
      gitAuthor: { name: "A", email: "a@example.org" },
      fsoSplitRootParams: { globalRoot: "/ex", maxDepth: 2, minDiskUsage: 1n, maxDiskUsage: 9n },
      WorkingDir: "/work",
      repoAclPolicy: { policy: 1 },
      tarttTarInfo: { path: "a.tar" },
    }),
  registry: (event: number) =>
    registryEvent({
      event,
      fsoRegistryInfo: { name: "exreg" },
      fsoRootInfo: { globalRoot: "/ex", host: "h", hostRoot: "/data/ex" },
      fsoRepoInfo: { id: uuid(repoId), globalPath: "/ex/a" },
      repoId: uuid(repoId),
      repoEventId: ulid(2),
      workflowId: uuid(workflowId),
      ephemeralWorkflowsId: uuid(workflowId),
      fsoRepoNaming: {
        globalRoot: "/ex",
        rule: "rule",
        config: {
          fields: [
            { key: "n", val: { case: "number", value: 2 } },
            { key: "c", val: { case: "config", value: { fields: [{ key: "j", val: jsonField('{"a":1}') }] } } },
            { key: "l", val: { case: "configList", value: { vals: [{ fields: [] }] } } },
            { key: "t", val: { case: "textList", value: { vals: ["x", "y"] } } },
            { key: "e" },
          ],
        },
      },
      fsoRepoInitPolicy: { globalRoot: "/ex" },
      fsoGpgKeyFingerprints: [new Uint8Array(20).fill(0xab)],
      fsoSplitRootParams: { globalRoot: "/ex" },
      fsoPathFlag: { path: "/ex/a", flags: 1 },
      repoAclPolicy: { policy: 2 },
    }),
  repo: (event: number) =>
    repoEvent({
      event,
      fsoRepoInitInfo: { globalPath: "/ex/a" },
      fsoShadowRepoInfo: { shadowPath: "/s", newShadowPath: "/s2" },
      fsoGitRepoInfo: { gitlabProjectId: 2n ** 60n },
      fsoGitToNogInfo: { clonePath: "/c" },
      fsoArchiveRepoInfo: { archiveUrl: "tartt://a" },
      fsoShadowBackupRepoInfo: { shadowBackupUrl: "nogfsobak://a" },
      registryEventId: ulid(3),
      newFsoRepoInitInfo: { globalPath: "/ex/b" },
      workflowId: uuid(workflowId),
      workflowEventId: ulid(4),
      fsoGpgKeyFingerprints: [new Uint8Array(20).fill(0xab)],
      gitAuthor: { name: "A", email: "a@example.org" },
      tarttTarInfo: { path: "a.tar" },
    }),
};

function jsonField(text: string) {
  return { case: "json" as const, value: new TextEncoder().encode(text) };
}
