import { diffOf } from "tailwake/operate";

/** The lines that only one of two texts has, `-` before those of the first and `+` before those of the second. */
export function linesThatDiffer(before: string, after: string): string[] {
  return diffOf(before, after).flatMap(({ change, line }) =>
    change === "same" ? [] : `${change === "added" ? "+" : "-"} ${line}`,
  );
}
