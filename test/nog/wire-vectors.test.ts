import { readFileSync } from "node:fs";
import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { Stream } from "../../functions/contract/stream.ts";
import {
  RegistryEventsOSchema,
  RegistryWorkflowEventsOSchema,
  RegistryWorkflowIndexEventsOSchema,
} from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { RepoEventsOSchema } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { registry, registryWorkflow, registryWorkflowIndex, repo } from "../../functions/nog/index.ts";
import { readMessage, repoId, workflowId } from "./messages.ts";

interface Vector {
  readonly message: string;
  readonly hex: string;
  readonly json: { readonly events?: readonly { readonly event: string; readonly id: string }[] };
}

/** Messages of the original server. */
const vectors: Vector[] = JSON.parse(readFileSync(new URL("../upstream/wire-vectors.json", import.meta.url), "utf8"));

const kinds: Record<string, { stream: Stream; schema: DescMessage } | undefined> = {
  "nogfso.RegistryEventsO": { stream: registry, schema: RegistryEventsOSchema },
  "nogfso.RegistryWorkflowIndexEventsO": { stream: registryWorkflowIndex, schema: RegistryWorkflowIndexEventsOSchema },
  "nogfso.RegistryWorkflowEventsO": { stream: registryWorkflow, schema: RegistryWorkflowEventsOSchema },
  "nogfso.RepoEventsO": { stream: repo, schema: RepoEventsOSchema },
};

interface AnyEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

describe("events of the original server", () => {
  const messages = vectors.flatMap((vector) => {
    const kind = kinds[vector.message];
    if (kind === undefined) return [];
    const batch = readMessage(kind.stream, fromBinary(kind.schema, Buffer.from(vector.hex, "hex")));
    return [{ vector, batch }];
  });

  test("every captured event message is read", () => {
    expect(messages).toHaveLength(67);
  });

  test.each(messages.map(({ vector, batch }, at) => [at, vector, batch] as const))(
    "message %i holds known events and their ids",
    (_, vector, batch) => {
      expect(batch.events).toHaveLength(vector.json.events?.length ?? 0);
      for (const [at, recorded] of batch.events.entries()) {
        const event = recorded.event as AnyEvent;
        expect(event.type).not.toBe("unknown");
        expect(JSON.stringify(event, (_, value) => (typeof value === "bigint" ? `${value}` : value))).not.toMatch(
          /unrecognized|undefined/,
        );
        expect(recorded.id).toBe(referenceUlid(vector.json.events?.[at]?.id ?? ""));
      }
    },
  );

  test("the fields of an event are those that the server wrote", () => {
    const events = messages.flatMap(({ batch }) => batch.events.map(({ event }) => event as AnyEvent));
    const of = (type: string) => events.find((event) => event.type === type);
    expect(of("initStarted")).toEqual({
      type: "initStarted",
      registry: "exreg",
      globalPath: "/ex/repo",
      fileHost: "h.example.org",
      hostPath: "/data/ex/repo",
      creatorName: "A U Thor",
      creatorEmail: "author@example.org",
      gitlabHost: "",
      gitlabPath: "",
      gitToNogAddr: "",
      subdirTracking: "enterSubdirs",
    });
    expect(of("duUpdated")).toEqual({ type: "duUpdated", path: ".", usage: 123456789012n });
    expect(of("errorSet")).toEqual({ type: "errorSet", message: "oops" });
    expect(of("repoAdded")).toEqual({
      type: "repoAdded",
      repoId,
      globalPath: "/ex/repo",
      repoEventId: referenceUlid("AaIJuTPj4tdA0Pls+pCJ1A=="),
    });
    expect(of("serverPinged")).toEqual({
      type: "serverPinged",
      vid: referenceUlid("AaIJuTihsHsrut8fZGXfzA=="),
      statusCode: 0,
      message: "nogfsoregd ping 1",
    });
    expect(of("repoInitPolicyUpdated")).toEqual({
      type: "repoInitPolicyUpdated",
      globalRoot: "/ex",
      policy: "subdirTrackingGlobs",
      subdirTrackingGlobs: [{ pattern: "*", subdirTracking: "enterSubdirs" }],
    });
    expect(of("splitRootSuggestionAppended")).toMatchObject({ path: ".", suggestion: "repoCandidate" });
    expect(events.filter(({ type }) => type === "snapshotState").map(({ workflows }) => workflows)).toMatchObject([
      [{ workflow: "duRoot", completedEventId: expect.any(String), root: { globalRoot: "/ex" } }, {}],
      [{ workflow: "ping", workflowId, completedEventId: expect.any(String) }],
      [{ workflow: "splitRoot", completedEventId: undefined }],
      [{ workflow: "freezeRepo", globalPath: "/ex/repo" }],
    ]);
  });

  test("a message without events that says the stream will block is an empty batch that says so", () => {
    const idle = messages.filter(({ batch }) => batch.willBlock);
    expect(idle.map(({ batch }) => batch)).toEqual([{ events: [], willBlock: true }]);
  });
});

function referenceUlid(base64: string): string {
  const value = BigInt(`0x${Buffer.from(base64, "base64").toString("hex")}`) + (1n << 130n);
  const digits = value.toString(2).slice(1).match(/.{5}/g) ?? [];
  return digits.map((bits) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[Number.parseInt(bits, 2)]).join("");
}
