import { expect, test } from "vitest";
import { compileEventPattern } from "../../local/aws/event-pattern.ts";

const event = {
  source: "shop.web",
  "detail-type": "Ordered",
  detail: {
    state: "Open",
    amount: 12.5,
    count: 3,
    paid: true,
    coupon: null,
    tags: ["new", "gift"],
    lines: [
      { sku: "a", quantity: 1 },
      { sku: "b", quantity: 5 },
    ],
    none: [],
    buyer: { country: "DE" },
  },
};

const matches = (pattern: object) => compileEventPattern(JSON.stringify(pattern))(event);
const inDetail = (detail: object) => matches({ detail });

test.each([
  ["an exact value", { state: ["Closed", "Open"] }],
  ["a number in another notation", { amount: [1.25e1] }],
  ["true and null", { paid: [true], coupon: [null] }],
  ["one value of a list", { tags: ["gift"] }],
  ["a prefix", { state: [{ prefix: "Op" }] }],
  ["a suffix", { state: [{ suffix: "en" }] }],
  ["a prefix in another case", { state: [{ prefix: { "equals-ignore-case": "oP" } }] }],
  ["equals-ignore-case", { state: [{ "equals-ignore-case": "OPEN" }] }],
  ["anything but other values", { state: [{ "anything-but": ["Closed", "Void"] }] }],
  ["anything but another number", { count: [{ "anything-but": 4 }] }],
  ["anything but a prefix", { state: [{ "anything-but": { prefix: "Cl" } }] }],
  ["a numeric comparison", { count: [{ numeric: ["=", 3] }] }],
  ["a numeric range", { amount: [{ numeric: [">", 12, "<=", 12.5] }] }],
  ["a field that exists", { coupon: [{ exists: true }] }],
  ["a field that does not exist", { discount: [{ exists: false }] }],
  ["a nested field that does not exist", { discount: { percent: [{ exists: false }] } }],
  ["nested fields", { buyer: { country: ["DE"] } }],
  ["fields of one object in a list", { lines: { sku: ["b"], quantity: [5] } }],
  ["one of several alternatives", { $or: [{ state: ["Closed"] }, { count: [{ numeric: [">", 2] }] }] }],
])("matches %s", (_what, detail) => {
  expect(inDetail(detail)).toBe(true);
});

test.each([
  ["another value", { state: ["Closed"] }],
  ["another type", { count: ["3"] }],
  ["one field out of two", { state: ["Open"], count: [4] }],
  ["anything-but with its own value", { state: [{ "anything-but": ["Open"] }] }],
  ["a missing field with anything-but", { missing: [{ "anything-but": ["x"] }] }],
  ["a number out of range", { amount: [{ numeric: [">", 12.5, "<", 20] }] }],
  ["a text with numeric", { state: [{ numeric: [">", 0] }] }],
  ["an empty list as existing", { none: [{ exists: true }] }],
  ["an object as existing", { buyer: [{ exists: true }] }],
  ["fields of different objects in a list", { lines: { sku: ["a"], quantity: [5] } }],
  ["none of the alternatives", { state: ["Open"], $or: [{ count: [1] }, { paid: [false] }] }],
])("does not match %s", (_what, detail) => {
  expect(inDetail(detail)).toBe(false);
});

test("combines fields of the envelope with those of the detail", () => {
  expect(matches({ source: [{ prefix: "shop." }], "detail-type": ["Ordered"], detail: { paid: [true] } })).toBe(true);
});

test.each([
  "not json",
  "[]",
  "{}",
  '{"source":"shop"}',
  '{"source":[]}',
  '{"source":[["shop"]]}',
  '{"source":[{"wildcard":"shop*"}]}',
  '{"source":[{"prefix":"a","suffix":"b"}]}',
  '{"source":[{"prefix":1}]}',
  '{"source":[{"exists":"yes"}]}',
  '{"source":[{"anything-but":["a",1]}]}',
  '{"detail":{"n":[{"numeric":["<",1,">",5]}]}}',
  '{"detail":{"n":[{"numeric":["~",1]}]}}',
  '{"$or":[{"source":["a"]}]}',
  '{"detail":{}}',
  JSON.stringify({ source: ["x".repeat(4100)] }),
])("refuses the pattern %s", (pattern) => {
  expect(() => compileEventPattern(pattern)).toThrow(
    expect.objectContaining({ code: "InvalidEventPatternException", message: expect.stringContaining("Reason:") }),
  );
});
