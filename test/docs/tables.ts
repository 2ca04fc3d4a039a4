/** The rows of all tables in a Markdown text whose header begins with these words, as cells without code marks. */
export function rowsUnder(text: string, ...header: readonly string[]): string[][] {
  const found: string[][] = [];
  let inside = false;
  for (const line of text.split("\n")) {
    if (!line.startsWith("|")) {
      inside = false;
      continue;
    }
    const cells = line.split("|").slice(1, -1);
    const words = cells.map((cell) => cell.trim().replaceAll("`", ""));
    if (inside && !/^-+$/.test(words[0] ?? "")) found.push(words);
    if (header.every((word, i) => words[i] === word)) inside = true;
  }
  return found;
}
