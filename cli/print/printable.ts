import { unprintable } from "tailwake/operate";

export { printable } from "tailwake/operate";

/** Reverses {@link printable}, so that users can type what was printed. */
export function unescaped(text: string): string {
  return text.replaceAll(/\\u\{([0-9a-f]{1,6})\}/gi, (all, digits: string) => {
    const code = Number.parseInt(digits, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

/** JSON on one line without unprintable characters; it parses to the same value. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(unprintable, (character) =>
    [...Array(character.length).keys()]
      .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u;

const widthOfOne = (grapheme: string): number => (wide.test(grapheme) ? 2 : 1);

/** The number of terminal columns of a printable text. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += widthOfOne(segment);
  return width;
}

/** Cuts a text to a width, ending with `…` if it was longer. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = "";
  let used = 1;
  for (const { segment } of graphemes.segment(text)) {
    used += widthOfOne(segment);
    if (used > width) break;
    cut += segment;
  }
  return `${cut}…`;
}
