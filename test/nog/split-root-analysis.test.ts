import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type SplitRootFacts, type Suggestion, suggestSplit } from "../../functions/nog/index.ts";

const facts = (
  usage: Record<string, bigint>,
  more: { repos?: readonly string[]; dontSplit?: readonly string[]; min?: bigint; max?: bigint } = {},
): SplitRootFacts => ({
  usage: new Map(Object.entries(usage)),
  repos: new Set(more.repos),
  dontSplit: new Set(more.dontSplit),
  minDiskUsage: more.min ?? 10n,
  maxDiskUsage: more.max ?? 100n,
});

const lines = (given: SplitRootFacts) => suggestSplit(given).map(({ path, suggestion }) => `${path} ${suggestion}`);

describe("what is suggested for a path", () => {
  test("unknown and large: a candidate, and its subdirectories by usage, each followed by its own", () => {
    const usage = { ".": 500n, a: 20n, b: 300n, "b/x": 9n, "b/y": 40n, c: 20n, "b/y/z": 10n };
    expect(lines(facts(usage))).toEqual([
      ". repoCandidate",
      "b repoCandidate",
      "b/y repoCandidate",
      "b/y/z repoCandidate",
      "b/x smallDir",
      "a repoCandidate",
      "c repoCandidate",
    ]);
  });

  test("unknown and small: a small directory, but the root a candidate; neither is looked into", () => {
    expect(lines(facts({ ".": 9n, a: 9n }))).toEqual([". repoCandidate"]);
    expect(lines(facts({ ".": 10n, a: 9n, "a/b": 9n }))).toEqual([". repoCandidate", "a smallDir"]);
  });

  test("a repo: small if it could be split and need not be, looked into if it is too large", () => {
    expect(lines(facts({ ".": 100n, a: 90n }, { repos: ["."] }))).toEqual([". smallRepo"]);
    expect(lines(facts({ ".": 100n }, { repos: ["."] }))).toEqual([". repo"]);
    expect(lines(facts({ ".": 101n, a: 90n }, { repos: [".", "a"] }))).toEqual([". repo", "a repo"]);
  });

  test("flagged: not split, whatever it is", () => {
    expect(lines(facts({ ".": 999n, a: 900n, "a/b": 800n }, { dontSplit: ["a"], repos: ["a"] }))).toEqual([
      ". repoCandidate",
      "a dontSplit",
    ]);
    expect(lines(facts({ ".": 999n, a: 900n }, { dontSplit: ["."] }))).toEqual([". dontSplit"]);
  });

  test("nothing without the root's own usage, nor below a directory without", () => {
    expect(lines(facts({ a: 900n }))).toEqual([]);
    expect(lines(facts({ ".": 900n, "a/b": 800n }))).toEqual([". repoCandidate"]);
  });

  test("sizes beyond 2⁵³ bytes keep their order", () => {
    const big = 2n ** 60n;
    expect(lines(facts({ ".": big, a: big, b: big + 1n }, { min: big })).slice(1)).toEqual([
      "b repoCandidate",
      "a repoCandidate",
    ]);
  });
});

const name = fc.constantFrom("a", "b", "B", "ä", "x y", "__proto__", "constructor");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
const bytes = fc.bigInt({ min: 0n, max: 40n });
const anyFacts = fc
  .record({
    lines: fc.uniqueArray(fc.tuple(path, bytes), { maxLength: 40, selector: ([at]) => at }),
    total: bytes,
    repos: fc.array(fc.oneof(path, fc.constant("."))),
    dontSplit: fc.array(fc.oneof(path, fc.constant("."))),
    minDiskUsage: bytes,
    maxDiskUsage: bytes,
  })
  .map(
    ({ lines: below, total, repos, dontSplit, ...limits }): SplitRootFacts => ({
      usage: new Map([[".", total], ...below]),
      repos: new Set(repos),
      dontSplit: new Set(dontSplit),
      ...limits,
    }),
  );

const parentOf = (at: string) => (at.includes("/") ? at.slice(0, at.lastIndexOf("/")) : ".");
const holds = (property: (given: SplitRootFacts, suggestions: readonly Suggestion[]) => void) =>
  fc.assert(
    fc.property(anyFacts, (given) => property(given, suggestSplit(given))),
    { numRuns: 500 },
  );

describe("for any facts", () => {
  test("the root is first, each path has usage and comes once, so there are no more than lines of du", () => {
    holds(({ usage }, suggestions) => {
      expect(suggestions[0]?.path).toBe(".");
      expect(suggestions.every(({ path: at }) => usage.has(at))).toBe(true);
      expect(new Set(suggestions.map(({ path: at }) => at)).size).toBe(suggestions.length);
      expect(suggestions.length).toBeLessThanOrEqual(usage.size);
    });
  });

  test("nothing lies below what is flagged, small, or no directory that was looked into", () => {
    holds(({ dontSplit }, suggestions) => {
      const suggested = new Map(suggestions.map(({ path: at, suggestion }) => [at, suggestion]));
      for (const [at, suggestion] of suggested) {
        expect(suggestion === "dontSplit").toBe(dontSplit.has(at));
        if (at === ".") continue;
        expect(["repoCandidate", "repo"]).toContain(suggested.get(parentOf(at)));
      }
    });
  });

  test("what is suggested is true of the path", () => {
    holds(({ usage, repos, minDiskUsage, maxDiskUsage }, suggestions) => {
      for (const { path: at, suggestion } of suggestions) {
        const size = usage.get(at) ?? 0n;
        if (suggestion === "repoCandidate") expect(!repos.has(at) && (size >= minDiskUsage || at === ".")).toBe(true);
        if (suggestion === "smallDir") expect(!repos.has(at) && size < minDiskUsage && at !== ".").toBe(true);
        if (suggestion === "smallRepo") expect(repos.has(at) && size <= maxDiskUsage).toBe(true);
        if (suggestion === "repo") expect(repos.has(at)).toBe(true);
      }
    });
  });

  test("siblings come by usage, the largest first", () => {
    holds(({ usage }, suggestions) => {
      const last = new Map<string, bigint>();
      for (const { path: at } of suggestions.slice(1)) {
        const size = usage.get(at) ?? 0n;
        expect(size <= (last.get(parentOf(at)) ?? size)).toBe(true);
        last.set(parentOf(at), size);
      }
    });
  });

  test("the order of the lines makes no difference", () => {
    fc.assert(
      fc.property(
        anyFacts.chain((given) =>
          fc.tuple(fc.constant(given), fc.shuffledSubarray([...given.usage], { minLength: given.usage.size })),
        ),
        ([given, shuffled]) => {
          expect(suggestSplit({ ...given, usage: new Map(shuffled) })).toEqual(suggestSplit(given));
        },
      ),
    );
  });

  test("a flag takes away what is below it and changes nothing else", () => {
    fc.assert(
      fc.property(anyFacts, path, (given, flagged) => {
        const before = suggestSplit({ ...given, dontSplit: new Set() });
        const after = suggestSplit({ ...given, dontSplit: new Set([flagged]) });
        expect(after.filter(({ path: at }) => at !== flagged)).toEqual(
          before.filter(({ path: at }) => at !== flagged && !at.startsWith(`${flagged}/`)),
        );
      }),
    );
  });
});
