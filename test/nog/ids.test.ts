import fc from "fast-check";
import { decodeTime } from "ulid";
import { parse, stringify, v4, validate } from "uuid";
import { describe, expect, test } from "vitest";
import { isTailwakeError } from "../../functions/contract/error.ts";
import { eventId } from "../../functions/contract/tail.ts";
import {
  canonicalUuid,
  registryEntityId,
  ulidBytes,
  ulidText,
  ulidTime,
  uuidBytes,
  uuidText,
  vidBytes,
  workflowIndexEntityId,
} from "../../functions/nog/ids.ts";
import { thrownBy } from "./thrown-by.ts";

const idBytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The slow and obvious encoding. */
function referenceText(bytes: Uint8Array): string {
  let rest = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  for (let digit = 0; digit < 26; digit++, rest >>= 5n) text = alphabet.charAt(Number(rest & 31n)) + text;
  return text;
}

describe("event ids", () => {
  test("known ids of the original server read as they do there", () => {
    const bytes = Buffer.from("01a209b932b46da499265b94b506ed60", "hex");
    expect(ulidText(bytes, "id")).toBe(referenceText(bytes));
    expect(ulidText(new Uint8Array(16), "id")).toBe("00000000000000000000000000");
    expect(ulidText(new Uint8Array(16).fill(255), "id")).toBe("7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    expect(ulidText(Buffer.from("01563e3ab5d3d6764c61efb99302bd5b", "hex"), "id")).toBe("01ARZ3NDEKTSV4RRFFQ69G5FAV");
  });

  test("text and bytes are the same id, both ways", () => {
    fc.assert(
      fc.property(idBytes, (bytes) => {
        const text = ulidText(bytes, "id");
        expect(text).toBe(referenceText(bytes));
        expect(ulidBytes(text, "id")).toEqual(new Uint8Array(bytes));
        expect(ulidBytes(text.toLowerCase(), "id")).toEqual(new Uint8Array(bytes));
      }),
    );
  });

  test("the time of an id is the time that the package ulid reads from it", () => {
    fc.assert(
      fc.property(idBytes, (bytes) => {
        const text = ulidText(bytes, "id");
        expect(ulidTime(text)).toBe(decodeTime(text));
      }),
    );
  });

  test("a vid is the last event's id in bytes", () => {
    expect(vidBytes(eventId("01ARZ3NDEKTSV4RRFFQ69G5FAV"))).toEqual(
      new Uint8Array(Buffer.from("01563e3ab5d3d6764c61efb99302bd5b", "hex")),
    );
  });

  test.each([
    "",
    "epoch",
    "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "01ARZ3NDEKTSV4RRFFQ69G5FA",
    "01ARZ3NDEKTSV4RRFFQ69G5FAU",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV\n",
    "01ARZ3NDEKTSV4RRFFQ69G5FAſ",
  ])("%j is not an event id", (text) => {
    expect(thrownBy(() => ulidBytes(text, "after"))).toMatchObject({ code: "invalid-argument", subject: "after" });
  });
});

describe("uuids", () => {
  test("text and bytes are the same id as for the package uuid", () => {
    fc.assert(
      fc.property(fc.uuid(), (text) => {
        expect(uuidBytes(text, "id")).toEqual(new Uint8Array(parse(text)));
        expect(uuidText(parse(text), "id")).toBe(stringify(parse(text)));
      }),
    );
  });

  test("any 16 bytes are a uuid, whatever their version bits say", () => {
    fc.assert(
      fc.property(idBytes, (bytes) => {
        expect(uuidBytes(uuidText(bytes, "id"), "id")).toEqual(new Uint8Array(bytes));
      }),
    );
  });

  test("the canonical text is in lower case", () => {
    const id = v4();
    expect(canonicalUuid(id.toUpperCase(), "id")).toBe(id);
    expect(validate(canonicalUuid(id, "id"))).toBe(true);
  });

  test.each([
    "",
    "92f224c0bb9a4f2e820d28e1b887afc8",
    "92f224c0-bb9a-4f2e-820d-28e1b887afc",
    "x2f224c0-bb9a-4f2e-820d-28e1b887afc8",
  ])("%j is not a uuid", (text) => {
    expect(thrownBy(() => uuidBytes(text, "repoId"))).toMatchObject({ code: "invalid-argument", subject: "repoId" });
  });

  test("registries and workflow indexes have the entity ids that the server computes from their name", () => {
    expect(registryEntityId("exreg")).toBe("a85e477e-e5d3-5d2d-b4a8-ec32cfe3254f");
    expect(registryEntityId("exreg2")).toBe("f8c5cbec-f76b-527b-a27d-90e3a1e67ff0");
    expect(workflowIndexEntityId("exreg")).toBe("583eef08-a9a7-5314-b743-ac1966d240b3");
    expect(workflowIndexEntityId("exreg2")).toBe("807bb006-a59d-563d-96c2-ee21c41a1dde");
  });
});

test("an id of the wrong length is refused with the field, the length it should have and the length it has", () => {
  for (const text of [ulidText, uuidText]) {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        fc.pre(bytes.length !== 16);
        const error = thrownBy(() => text(bytes, "RepoEvent.id"));
        expect(isTailwakeError(error, "malformed-event")).toBe(true);
        expect(error).toMatchObject({ subject: "RepoEvent.id", expected: "16 bytes", received: `${bytes.length}` });
      }),
    );
  }
});
