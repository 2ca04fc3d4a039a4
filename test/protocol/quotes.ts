import type { Source } from "../docs/sources.ts";

/** The number of a rule or a promise, as "rule 6" or "T1". */
export type Quote = string;

/** The rules and promises that a text quotes: "rules 6 and 9", "T3, rule 2", "T1 to T7". */
export function quotesIn(text: string): Quote[] {
  const rules = [...text.matchAll(/\b[Rr]ules? (\d+(?:(?:, | and |, and )\d+)*)/g)].flatMap(([, numbers = ""]) =>
    (numbers.match(/\d+/g) ?? []).map((number) => `rule ${number}`),
  );
  const promises = [...text.matchAll(/\bT(\d+)\b(?: to T(\d+)\b)?/g)].flatMap(([, first, last = first]) =>
    Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => `T${Number(first) + i}`),
  );
  return [...new Set([...rules, ...promises])];
}

const literal = /(["'`])((?:\\.|(?!\1)[^\\])*)\1/.source;

/** The names of the tests in a source: what `it` and `describe` are given, and the `name` of a case of a table. */
export const testNamesIn = (source: string): string[] =>
  [...source.matchAll(new RegExp(`(?:\\b(?:it|describe)(?:\\.\\w+)*\\(|\\)\\(|\\bname:)\\s*${literal}`, "gs"))].map(
    ([, , name = ""]) => name,
  );

/** The findings that a source can report: texts that begin with a number, and numbers that it passes on alone. */
export const findingsIn = (source: string): string[] =>
  [
    ...source.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "").matchAll(/["'`]((?:rule \d+|T\d+)(?:: [^"'`\n]*)?)(?=["'`])/g),
  ].map(([, finding = ""]) => finding);

/** For each rule and promise the files that quote it. */
export function filesByQuote(
  sources: readonly Source[],
  textsOf: (source: string) => readonly string[],
): ReadonlyMap<Quote, readonly string[]> {
  const found = new Map<Quote, string[]>();
  for (const { file, text } of sources) {
    for (const quote of new Set(textsOf(text).flatMap(quotesIn))) {
      found.set(quote, [...(found.get(quote) ?? []), file]);
    }
  }
  return found;
}
