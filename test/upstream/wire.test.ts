import { readFileSync } from "node:fs";
import { createRegistry, type DescMessage, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { file_nogfso_broadcast } from "../../functions/nog/gen/nogfso/broadcast_pb.ts";
import { file_nogfso_ping_registry } from "../../functions/nog/gen/nogfso/ping-registry_pb.ts";
import { file_nogfso_registry } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import { file_nogfso_repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";

interface Vector {
  readonly message: string;
  readonly hex: string;
  readonly json: unknown;
}

const vectors = JSON.parse(readFileSync(new URL("./wire-vectors.json", import.meta.url), "utf8")) as readonly Vector[];
const types = createRegistry(file_nogfso_broadcast, file_nogfso_ping_registry, file_nogfso_registry, file_nogfso_repos);

test("there are 78 recorded messages", () => {
  expect(vectors).toHaveLength(78);
});

test.each(vectors.map((vector, index) => ({ index, ...vector })))(
  "recorded message $index, $message, decodes to its JSON and encodes to the same bytes",
  ({ message, hex, json }) => {
    const schema = types.getMessage(message) as DescMessage;
    const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
    const decoded = fromBinary(schema, bytes);
    expect(toJson(schema, decoded, { registry: types, useProtoFieldName: true })).toEqual(json);
    expect(decoded.$unknown ?? []).toEqual([]);
    expect(Buffer.from(toBinary(schema, decoded)).toString("hex")).toBe(hex);
  },
);
