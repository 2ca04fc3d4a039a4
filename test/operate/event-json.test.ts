import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { declarationOf } from "../../functions/contract/stream.ts";
import { RepoEventSchema } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { eventJson } from "../../functions/operate/event-json.ts";
import { thing } from "../support/world.ts";

const stream = declarationOf(thing);

describe("an event as people read it", () => {
  it("has messages of the service as protobuf writes them, also inside of something else", () => {
    const message = create(RepoEventSchema, { id: Uint8Array.of(1, 2), fsoRepoErrorMessage: "m" });
    const json = { id: "AQI=", fsoRepoErrorMessage: "m" };
    expect(eventJson(stream, message)).toEqual(json);
    expect(eventJson(stream, { case: "one", value: [message] })).toEqual({ case: "one", value: [json] });
  });

  it("has a text for what JSON does not know", () => {
    const event = {
      size: 2n ** 64n,
      bytes: Uint8Array.of(255),
      at: new Date(0),
      never: new Date(Number.NaN),
      ratio: Number.POSITIVE_INFINITY,
      error: new Error("broken"),
      map: new Map([["a", 1n]]),
      set: new Set([1]),
      call: () => 1,
      stranger: { $typeName: "other.Message", field: 1 },
    };
    expect(eventJson(stream, event)).toEqual({
      size: "18446744073709551616",
      bytes: "/w==",
      at: "1970-01-01T00:00:00.000Z",
      never: "an invalid time",
      ratio: "Infinity",
      error: "broken",
      map: [["a", "1"]],
      set: [1],
      stranger: { field: 1 },
    });
  });

  it("ends, whatever it is", () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(JSON.stringify(eventJson(stream, circle))).toContain("…");
    expect(eventJson(stream, create(RepoEventSchema, { id: "no bytes" as never }))).toMatchObject({ id: "no bytes" });
  });
});
