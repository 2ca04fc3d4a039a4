import { ulid } from "ulid";
import { describe, expect, it } from "vitest";
import { timeOf } from "../../functions/contract/event-time.ts";
import { declarationOf, defineStream, type Recorded } from "../../functions/contract/stream.ts";
import { eventId } from "../../functions/contract/tail.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import { repo } from "../../functions/nog/repo.ts";

const at = Date.UTC(2026, 10, 1, 12);
const recorded = (id: string): Recorded<unknown> => ({ id: eventId(id), event: "x" });
const kind = (time?: () => Date) =>
  declarationOf(
    defineStream({
      kind: "thing",
      upstream: "things",
      method: Repos.method.events,
      address: ["thingId"],
      request: () => ({}),
      read: () => ({ events: [] }),
      ...(time && { time }),
    }),
  );

describe("the time of an event", () => {
  it("is that of its ULID, unless its kind says", () => {
    expect(timeOf(kind(), recorded(ulid(at)))).toBe(at);
    expect(
      timeOf(
        kind(() => new Date(at + 7)),
        recorded(ulid(at)),
      ),
    ).toBe(at + 7);
    expect(timeOf(declarationOf(repo), recorded(ulid(at)))).toBe(at);
  });

  it("is not known of another id, nor if what the kind says is no time, or throws", () => {
    expect(timeOf(kind(), recorded("42"))).toBeUndefined();
    expect(
      timeOf(
        kind(() => new Date("soon")),
        recorded(ulid(at)),
      ),
    ).toBeUndefined();
    expect(
      timeOf(
        kind(() => JSON.parse("{")),
        recorded(ulid(at)),
      ),
    ).toBeUndefined();
  });
});
