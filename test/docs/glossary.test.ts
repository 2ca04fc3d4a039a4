import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { metrics } from "../../functions/engines/meter.ts";
import { appSettings } from "../../functions/settings.ts";
import { project } from "./regions.ts";
import { sourcesIn } from "./sources.ts";
import { rowsUnder } from "./tables.ts";

/** Words of the language, and words that mean in a log message, a metric or a setting what they mean everywhere. */
const grammar = "a an and as at be by did for from in is its may no not of on or such the to until up when with";
const ordinary =
  "arn asked back broke bytes closed concurrency counts days deleted deletion dropped end events failed failures field find " +
  "forwarded full function go group key left log memory mb minutes ms name next old oldest once only others per " +
  "protection read readable reading received rest role seconds secret sent service started topic unknown " +
  "url used wait written";

const page = readFileSync(join(project, "docs/design.md"), "utf8");

interface Line {
  /** The word, and other forms of it: "hold, held". */
  readonly words: readonly string[];
  readonly meaning: string;
  /** Names in the code, the table or the settings. */
  readonly carriers: readonly string[];
}

const glossary: readonly Line[] = rowsUnder(page, "word", "means", "carried by").map(
  ([words = "", meaning = "", carriers = ""]) => ({
    words: words.replace(/ \(\w+\)$/, "").split(", "),
    meaning,
    carriers: carriers.split(", "),
  }),
);

const sources = sourcesIn("functions").filter(({ file }) => !/^functions\/(testing|nog)\//.test(file));
const code = [...sources, ...sourcesIn("infra")].map(({ text }) => text).join("\n");

/** The words of a sentence or of a name in camel case. */
const wordsOf = (text: string): string[] =>
  text
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toLowerCase()
    .match(/[a-z]+/g) ?? [];

/** Is a word a form of another one: "retries" of "retry", "parked" of "park"? */
function isFormOf(word: string, base: string): boolean {
  const stem = base.replace(/[ey]$/, "");
  return word === base || new RegExp(`^${stem}(?:e|y|s|es|ies|ed|ied|ing)$`).test(word);
}

const entries = glossary.flatMap(({ words }) => words.map(wordsOf));

/** The words of a text that are neither ordinary nor in the glossary, where "hand-over" stands for both its parts. */
function unexplainedIn(text: string): string[] {
  let words = wordsOf(text);
  for (const entry of entries) {
    const at = words.findIndex((_, i) => entry.every((base, part) => isFormOf(words[i + part] ?? "", base)));
    if (entry.length > 1 && at >= 0) words = words.toSpliced(at, entry.length);
  }
  const known = new Set(`${grammar} ${ordinary}`.split(" "));
  return words.filter((word) => !known.has(word) && !isExplained(word));
}

const isExplained = (word: string): boolean =>
  entries.some(([base = "", ...more]) => more.length === 0 && isFormOf(word, base));

/** The texts that operators read: messages of the log, names of metrics and of settings. */
const said = new Map<string, readonly string[]>([
  [
    "log messages",
    sources.flatMap(({ text }) =>
      [
        ...text.matchAll(/\blog\.(?:debug|info|warn|error)\(\s*"([^"]+)"/g),
        ...text.matchAll(/\bbestEffort\([\w.#]+, "([^"]+)"/g),
        ...text.matchAll(/\bline\("(?:debug|info|warn|error)", "([^"]+)"/g),
      ].map(([, message = ""]) => message),
    ),
  ],
  ["metrics", Object.keys(metrics)],
  ["settings of the functions", Object.keys(appSettings).map((name) => name.replace(/^TAILWAKE_/, ""))],
  [
    "settings of the deployment",
    Object.keys(parse(readFileSync(join(project, "infra/settings.yml"), "utf8"), { merge: true }).default),
  ],
]);

describe("the glossary of docs/design.md", () => {
  it("has a meaning for each word, and says once what it means", () => {
    expect(glossary.length).toBeGreaterThan(80);
    expect(glossary.filter(({ meaning, carriers }) => meaning === "" || carriers[0] === "")).toEqual([]);
    const heads = rowsUnder(page, "word", "means", "carried by").map(([words]) => words);
    expect(heads.filter((word, i) => heads.indexOf(word) !== i)).toEqual([]);
  });

  it.each([...said])("explains the words of the %s", (_, texts) => {
    expect(texts.length).toBeGreaterThan(10);
    expect(texts.flatMap((text) => unexplainedIn(text).map((word) => `${word}, in "${text}"`))).toEqual([]);
  });

  it("explains each attribute of the record", () => {
    const record = readFileSync(join(project, "functions/tasks/record.ts"), "utf8");
    const [, body = ""] = /^export interface TaskRecord .*?\{\n(.*?)^}/ms.exec(record) ?? [];
    const attributes = [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, attribute]) => attribute);
    expect(attributes.length).toBeGreaterThan(25);
    const carriers = glossary.flatMap((line) => line.carriers);
    expect(attributes.filter((attribute) => !carriers.includes(attribute ?? ""))).toEqual([]);
  });

  it("has words that the code uses", () => {
    const unused = glossary.filter(({ words }) =>
      words.every((word) => {
        const spaced = wordsOf(word).join("[-_\\s]?").replace(/[ey]$/, "");
        return !new RegExp(`(?:\\b|[a-z_])${spaced}`, "i").test(code);
      }),
    );
    expect(unused.map(({ words }) => words[0])).toEqual([]);
  });

  it("names what the code has", () => {
    const carriers = glossary.flatMap((line) => line.carriers);
    expect(carriers.filter((name) => !new RegExp(`\\b${name.replace(".", "\\.")}\\b`).test(code))).toEqual([]);
  });

  it("has no ordinary word that nobody uses, and none that it explains", () => {
    const used = new Set([...said.values()].flat().flatMap(wordsOf));
    expect(ordinary.split(" ").filter((word) => !used.has(word) || isExplained(word))).toEqual([]);
  });
});
