import { linkSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The root of the tree below and its directories of two levels, each of which has a line in the job's result. */
export const directoriesInTree = 1 + 40 + 200;

/** Creates a tree to measure, with a file of two links and a broken symbolic link. */
export function writeTree(root: string): void {
  for (let i = 0; i < 40; i++) {
    for (let j = 0; j < 5; j++) {
      const directory = join(root, `a${i}`, `b${j}`, "c");
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, "file"), "x".repeat(i * 100 + j));
    }
  }
  linkSync(join(root, "a7", "b0", "c", "file"), join(root, "a8", "again"));
  symlinkSync("nowhere", join(root, "a9", "link"));
}

/** The size of everything in a tree; an inode with several links counts once. */
export function apparentSize(path: string, counted = new Set<number>()): number {
  const entry = lstatSync(path);
  if (!entry.isDirectory() && entry.nlink > 1) {
    if (counted.has(entry.ino)) return 0;
    counted.add(entry.ino);
  }
  const inside = entry.isDirectory() ? readdirSync(path).map((name) => apparentSize(join(path, name), counted)) : [];
  return entry.size + inside.reduce((a, b) => a + b, 0);
}
