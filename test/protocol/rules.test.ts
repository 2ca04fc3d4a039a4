import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Operation } from "../../functions/tasks/update.ts";
import { operations } from "../../functions/testing/simulation/specification.ts";
import { project } from "../docs/regions.ts";
import { sourcesIn } from "../docs/sources.ts";
import { page, rows, sectionOf } from "./design-page.ts";
import { filesByQuote, findingsIn, type Quote, quotesIn, testNamesIn } from "./quotes.ts";

/** A rule or promise of the page, with the files that its enforcement names. */
interface Rule {
  readonly quote: Quote;
  readonly named: readonly Named[];
}

interface Named {
  readonly path: string;
  /** The names in the file that enforce the rule, if the file does not quote its number. */
  readonly symbols: readonly string[];
}

function namedIn(enforcement: string): Named[] {
  const named: { path: string; symbols: string[] }[] = [];
  for (const [, code = ""] of enforcement.matchAll(/`([^`]+)`/g)) {
    if (code.includes("/")) named.push({ path: code, symbols: [] });
    else named.at(-1)?.symbols.push(code);
  }
  return named;
}

function rulesBelow(heading: string, item: RegExp, quoteOf: (number: string) => Quote): Rule[] {
  return [...sectionOf(heading).matchAll(item)].map(([text, number = ""]) => ({
    quote: quoteOf(number),
    named: namedIn(text.split("**Enforcement**:")[1] ?? ""),
  }));
}

const rules = rulesBelow(
  "Rules that the table cannot say",
  /^(\d+)\. .*?(?=^\d+\. |$(?![\s\S]))/gms,
  (n) => `rule ${n}`,
);
const promises = rulesBelow("The promises", /^- (T\d+)\. .*?(?=^- |$(?![\s\S]))/gms, (promise) => promise);
const all = [...rules, ...promises];

const tests = filesByQuote(sourcesIn("test"), testNamesIn);
const checks = filesByQuote(sourcesIn("functions/testing"), findingsIn);

const isCovered = ({ named }: Rule, file: string) =>
  named.some(({ path }) => path === file || (path.endsWith("/") && file.startsWith(path)));

describe("the rules and promises of docs/design.md", () => {
  it("are listed as gaps if no check of the simulation quotes them", () => {
    const [, said = ""] = /^- ((?:Rules|T\d).*?) have no check/ms.exec(sectionOf("Gaps")) ?? [];
    const unchecked = all.filter(({ quote }) => !checks.has(quote)).map(({ quote }) => quote);
    expect(quotesIn(said.replaceAll(/\s+/g, " "))).toEqual(unchecked);
  });

  it("are numbered without a gap", () => {
    expect(rules.map(({ quote }) => quote)).toEqual(Array.from({ length: 22 }, (_, i) => `rule ${i + 1}`));
    expect(promises.map(({ quote }) => quote)).toEqual(Array.from({ length: 7 }, (_, i) => `T${i + 1}`));
  });

  it("are those that README.md and docs/guarantees.md promise", () => {
    const promised = (file: string, pattern: RegExp) =>
      [...readFileSync(join(project, file), "utf8").matchAll(pattern)].map(([, promise]) => promise);
    const quotes = promises.map(({ quote }) => quote);
    expect(promised("docs/guarantees.md", /^\*\*(T\d)\. /gm)).toEqual(quotes);
    expect(promised("README.md", /^\| (T\d) \|/gm)).toEqual(quotes);
  });

  it("are the only ones that code, tests and pages quote", () => {
    const known = new Set(all.map(({ quote }) => quote));
    const pages = ["README.md", ...readdirSync(join(project, "docs")).map((name) => `docs/${name}`)].filter((file) =>
      file.endsWith(".md"),
    );
    const texts = [
      ...["functions", "infra", "test", "proof", "local", "cli", "console"].flatMap(sourcesIn),
      ...pages.map((file) => ({ file, text: readFileSync(join(project, file), "utf8") })),
    ];
    const unknown = texts.flatMap(({ file, text }) =>
      quotesIn(text)
        .filter((quote) => !known.has(quote))
        .map((quote) => `${file} quotes ${quote}`),
    );
    expect(unknown).toEqual([]);
  });

  describe.each(all)("$quote", (rule) => {
    const { quote, named } = rule;

    it("names the code that enforces it, and a test", () => {
      expect(named.some(({ path }) => !path.startsWith("test/") && !path.startsWith("functions/testing/"))).toBe(true);
      expect(named.some(({ path }) => path.startsWith("test/"))).toBe(true);
    });

    it("names files that are there and quote it", () => {
      for (const { path, symbols } of named) {
        expect(existsSync(join(project, path)), path).toBe(true);
        if (path.startsWith("test/") || path.startsWith("functions/testing/")) {
          const quoting = (path.startsWith("test/") ? tests : checks).get(quote) ?? [];
          expect(
            quoting.some((file) => file === path || (path.endsWith("/") && file.startsWith(path))),
            path,
          ).toBe(true);
          continue;
        }
        expect(statSync(join(project, path)).isFile(), path).toBe(true);
        const text = readFileSync(join(project, path), "utf8");
        for (const symbol of symbols) expect(text, path).toContain(symbol);
        if (symbols.length === 0) expect(quotesIn(text), path).toContain(quote);
      }
    });

    it("names every test whose name quotes it, and every check of the simulation", () => {
      const quoting = [...(tests.get(quote) ?? []), ...(checks.get(quote) ?? [])];
      expect(quoting.filter((file) => !isCovered(rule, file))).toEqual([]);
    });
  });
});

// ── the second specification ─────────────────────────────────────────────────────────────────────

const specification = readFileSync(join(project, "functions/testing/simulation/specification.ts"), "utf8");
const functionsOf = new Map(
  [...specification.matchAll(/^(?:export )?function (\w+)\(.*?^}/gms)].map(([text, name = ""]) => [name, text]),
);

/** The rules that a part of the specification quotes, and those of the functions that it uses. */
function quotedBy(part: string, known = new Set<string>()): Set<Quote> {
  const found = new Set(findingsIn(part).flatMap(quotesIn));
  const code = part.replaceAll(/"[^"\n]*"|`[^`]*`|\/\/.*$/gm, "");
  for (const [name, text] of functionsOf) {
    if (known.has(name) || !new RegExp(`\\b${name}\\b`).test(code)) continue;
    known.add(name);
    for (const quote of quotedBy(text, known)) found.add(quote);
  }
  return found;
}

function partOf(operation: Operation): string {
  // A start has no record before it, and a function of its own.
  if (operation === "start") return functionsOf.get("wrongWithStart") ?? expect.fail("no function for a start");
  const [, body = ""] = /^const specification: .*? = \{\n(.*?)^};/ms.exec(specification) ?? [];
  const parts = [...body.matchAll(/^ {2}(?:"([^"]+)"|(\w+)): \{.*?(?=^ {2}["\w]|$(?![\s\S]))/gms)];
  const found = parts.find(([, quoted, plain]) => (quoted ?? plain) === operation);
  return found?.[0] ?? expect.fail(`no part for ${operation}`);
}

const sorted = (quotes: Iterable<Quote>): string => {
  const order = (quote: Quote) => (quote.startsWith("T") ? 100 : 0) + Number(/\d+/.exec(quote)?.[0]);
  return [...quotes]
    .sort((a, b) => order(a) - order(b))
    .map((quote) => quote.replace("rule ", ""))
    .join(", ");
};

describe("the column `rules` of the table of operations", () => {
  it.each(operations)("has what the specification holds each write of this operation to: %s", (operation) => {
    const cell = rows.find((row) => row.operation === operation)?.rules;
    expect(cell).toBe(sorted(quotedBy(partOf(operation))) || "–");
  });

  it("stands beside what the specification holds every write to", () => {
    const [, said = ""] = /holds every write to ([^.]+)\./.exec(page.replaceAll(/\s+/g, " ")) ?? [];
    const always = ["always", "ruleOfDue"].map((name) => functionsOf.get(name) ?? expect.fail(`no function ${name}`));
    expect(sorted(quotesIn(said))).toBe(sorted(quotedBy(always.join("\n"))));
  });
});
