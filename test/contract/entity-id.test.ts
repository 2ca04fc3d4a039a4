import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { declarationOf, defineStream } from "../../functions/contract/stream.ts";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";

const entityIdOf = (keys: readonly string[]) => {
  const stream = defineStream({
    kind: "cell",
    upstream: "grid",
    method: Repos.method.events,
    address: keys,
    request: () => ({}),
    read: () => ({ events: [] }),
  });
  return declarationOf(stream).definition.entityId;
};

describe("the default entity id", () => {
  it("of one key is its value, as it is", () => {
    for (const value of ["a/b", "100%", "ü"]) expect(entityIdOf(["row"])({ row: value })).toBe(value);
  });

  it("of several keys is different for different addresses, whatever their values hold", () => {
    const entityId = entityIdOf(["row", "column"]);
    expect(entityId({ row: "a", column: "b" })).toBe("a/b");
    expect(entityId({ row: "x/y", column: "z" })).not.toBe(entityId({ row: "x", column: "y/z" }));
    const value = fc.stringMatching(/^[a/%25F]{1,6}$/);
    fc.assert(
      fc.property(value, value, value, value, (row, column, otherRow, otherColumn) => {
        fc.pre(row !== otherRow || column !== otherColumn);
        expect(entityId({ row, column })).not.toBe(entityId({ row: otherRow, column: otherColumn }));
      }),
    );
  });
});
