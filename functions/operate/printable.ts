/** Control and format characters (such as those that change the text direction), lone surrogates, line separators. */
export const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Makes untrusted text safe to print, on one line: it cannot move the cursor, change colours, hide text or reverse its
 * direction. Writes unprintable characters as `\u{1b}`.
 */
export function printable(text: string): string {
  return text.replaceAll(unprintable, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
