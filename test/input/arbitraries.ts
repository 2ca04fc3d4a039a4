import fc, { type Arbitrary } from "fast-check";

/** Texts that mean something to some layer, or are too much for it. */
export const hostileText: Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    "",
    " ",
    "\0",
    "a\nb",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "\ud800",
    "a\udfffb",
    "\ufffe\uffff",
    "🙂".repeat(300),
    "é".repeat(1_000),
    "x".repeat(257),
    "x".repeat(1_024),
    "x".repeat(1_025),
    "y".repeat(100_000),
    "\u0001".repeat(5_000),
    "task#x",
    "#",
    "thing/reader@t",
    "../../etc/passwd",
    "epoch",
    "NaN",
    "-1",
    "1e400",
    "{",
    "null",
  ),
  fc.string({ unit: "binary" }),
  fc.string({ unit: "binary-ascii", maxLength: 40 }),
);

export const hostileNumber: Arbitrary<number> = fc.oneof(
  fc.constantFrom(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -0,
    -1,
    0.5,
    2 ** 31,
    2 ** 53,
    -(2 ** 53),
    Number.MAX_SAFE_INTEGER,
    8.64e15,
    8.64e15 + 2,
    1e308,
    5e-324,
  ),
  fc.integer(),
  fc.double(),
);

/** What JSON can say and nobody expects: a key that means the prototype, methods that are none, depth. */
const hostileObject: Arbitrary<unknown> = fc
  .constantFrom(
    "{}",
    "[]",
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"toString":1,"valueOf":1}',
    '{"toJSON":1,"then":1,"length":-1}',
    '{"length":1e9}',
    `${'{"a":'.repeat(500)}1${"}".repeat(500)}`,
    `${"[".repeat(500)}${"]".repeat(500)}`,
    JSON.stringify({ ["k".repeat(50_000)]: 1 }),
    JSON.stringify(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i]))),
    JSON.stringify(Array(2_000).fill("x")),
    '{"a\\nb":1}',
  )
  .map((json) => JSON.parse(json));

/** Any value that JSON has, and undefined. */
export const hostileValue: Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: hostileText },
  { weight: 2, arbitrary: hostileNumber },
  { weight: 2, arbitrary: hostileObject },
  { weight: 1, arbitrary: fc.constantFrom(null, undefined, true, false) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

type Step = string | number;

/** A copy of one of these values, in which something at one place is another value, is gone, or is too much. */
export function oneFieldChanged<T>(valid: readonly T[], hostile: Arbitrary<unknown> = hostileValue): Arbitrary<T> {
  return fc
    .constantFrom(...valid)
    .chain((value) => fc.record({ value: fc.constant(value), path: fc.constantFrom(...pathsIn(value)) }))
    .chain(({ value, path }) =>
      fc.oneof(
        { weight: 6, arbitrary: hostile.map((other) => changed(value, path, () => other)) },
        { weight: 2, arbitrary: fc.constant(changed(value, path, () => gone)) },
        {
          weight: 1,
          arbitrary: fc
            .tuple(hostileText, hostile)
            .map(([key, more]) => changed(value, path.slice(0, -1), (at) => withKey(at, key, more))),
        },
      ),
    );
}

const gone = Symbol("gone");

function pathsIn(value: unknown, path: readonly Step[] = []): (readonly Step[])[] {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [path];
  const steps: [Step, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...steps.flatMap(([step, inner]) => pathsIn(inner, [...path, step]))];
}

function changed<T>(value: T, [step, ...rest]: readonly Step[], change: (at: unknown) => unknown): T {
  if (step === undefined) {
    const other = change(value);
    return (other === gone ? undefined : other) as T;
  }
  const other = rest.length === 0 ? change((value as never)[step]) : changed((value as never)[step], rest, change);
  if (Array.isArray(value))
    return value.flatMap((item, i) => (i !== step ? [item] : other === gone ? [] : [other])) as T;
  const entries = Object.entries(value as object).flatMap(([key, item]) =>
    key !== step ? [[key, item]] : other === gone ? [] : [[key, other]],
  );
  return Object.fromEntries(entries);
}

function withKey(at: unknown, key: string, value: unknown): unknown {
  if (typeof at !== "object" || at === null || Array.isArray(at)) return value;
  return Object.fromEntries([...Object.entries(at), [key, value]]);
}

/** These bytes, with some of them changed, gone or doubled. */
export function brokenBytes(valid: Arbitrary<Uint8Array>): Arbitrary<Uint8Array<ArrayBuffer>> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    how: fc.constantFrom("flip", "cut", "drop", "insert", "repeat"),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  return fc.tuple(valid, fc.array(change, { minLength: 1, maxLength: 4 })).map(([bytes, changes]) => {
    let result = [...bytes];
    for (const { at, how, byte } of changes) {
      const i = Math.floor(at * result.length);
      if (how === "flip") result[i] = byte;
      if (how === "cut") result = result.slice(0, i);
      if (how === "drop") result.splice(i, 1);
      if (how === "insert") result.splice(i, 0, byte, byte);
      if (how === "repeat") result = result.concat(result.slice(i));
    }
    return Uint8Array.from(result);
  });
}
