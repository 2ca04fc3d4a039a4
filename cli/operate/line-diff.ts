import { diffOf } from "tailwake/operate";

/** The lines that are in only one of two texts: `-` marks those of the first, `+` those of the second. */
export function linesThatDiffer(before: string, after: string): string[] {
  return diffOf(before, after).flatMap(({ change, line }) =>
    change === "same" ? [] : `${change === "added" ? "+" : "-"} ${line}`,
  );
}
