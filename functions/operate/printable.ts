/** Controls, invisible format characters (as those that turn the direction of text), halves of characters, other line ends. */
export const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Text from outside as people may see it: on one line, and nothing in it moves the cursor, changes a colour, hides, or
 * turns the order of what follows. What cannot be printed is written as `\u{1b}`.
 */
export function printable(text: string): string {
  return text.replaceAll(unprintable, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
