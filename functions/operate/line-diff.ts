/** A line of a diff of two texts. */
export interface DiffLine {
  readonly change: "same" | "added" | "removed";
  readonly line: string;
}

/** Maximum size of the table for the diff. Above it all lines that differ are shown as removed and added. */
const maxCells = 1_000_000;

/** The diff of two texts by lines, with as few changes as possible. */
export function diffOf(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const same = (line: string): DiffLine => ({ change: "same", line });
  return [
    ...b.slice(0, start).map(same),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...b.slice(b.length - end).map(same),
  ];
}

function middle(a: readonly string[], b: readonly string[]): DiffLine[] {
  const removed = (line: string): DiffLine => ({ change: "removed", line });
  const added = (line: string): DiffLine => ({ change: "added", line });
  if (a.length * b.length > maxCells) return [...a.map(removed), ...b.map(added)];
  // common[i][j]: length of the longest common subsequence of a from line i and b from line j.
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = common[i];
      if (row) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [x, y] = [a[i], b[j]];
    if (x !== undefined && x === y) {
      lines.push({ change: "same", line: x });
      i++;
      j++;
    } else if (x !== undefined && (y === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(removed(x));
      i++;
    } else if (y !== undefined) {
      lines.push(added(y));
      j++;
    }
  }
  return lines;
}
