import type { SplitSuggestion } from "./registry-workflow-events.ts";

/** The input of an analysis. Paths are relative to the root; the root itself is ".". Sizes are in bytes. */
export interface SplitRootFacts {
  /** Bytes by path: a directory with everything below it. */
  readonly usage: ReadonlyMap<string, bigint>;
  /** Paths that are repos. */
  readonly repos: ReadonlySet<string>;
  /** Paths that an admin has flagged not to split. */
  readonly dontSplit: ReadonlySet<string>;
  /** A directory of at least this size is worth a repo. */
  readonly minDiskUsage: bigint;
  /** A repo of at most this size is small enough. */
  readonly maxDiskUsage: bigint;
}

export interface Suggestion {
  readonly path: string;
  readonly suggestion: Exclude<SplitSuggestion, "unspecified" | "unrecognized">;
}

/**
 * Suggests how to split a root into repos: the root first, then the subdirectories of each analysed directory by usage,
 * the largest first, each followed by its own.
 *
 * | path                                    | suggestion                                       | subdirectories |
 * |-----------------------------------------|--------------------------------------------------|----------------|
 * | flagged                                 | `dontSplit`                                      | skipped        |
 * | no repo, of at least `minDiskUsage`     | `repoCandidate`                                  | analysed       |
 * | no repo, smaller                        | `smallDir`; the root is always a `repoCandidate` | skipped        |
 * | a repo of at most `maxDiskUsage`        | `smallRepo` if it could be split, else `repo`    | skipped        |
 * | a repo, larger                          | `repo`                                           | analysed       |
 *
 * Skips a path without usage, and everything below it. Without usage of the root there are no suggestions.
 *
 * Source: nog 4450389, backend/internal/nogfsoregd/workflowproc/split-root.go, `Analyze`. There, directories of equal
 * usage come in any order; here by path.
 */
export function suggestSplit(facts: SplitRootFacts): Suggestion[] {
  const children = childrenOf(facts.usage);
  const suggestions: Suggestion[] = [];
  const analyse = (path: string, usage: bigint): void => {
    const below = children.get(path) ?? [];
    const { suggestion, descends } = judge(facts, path, usage, below.length > 0);
    suggestions.push({ path, suggestion });
    if (descends) for (const child of below) analyse(child.path, child.usage);
  };
  const total = facts.usage.get(".");
  if (total !== undefined) analyse(".", total);
  return suggestions;
}

function judge(
  { repos, dontSplit, minDiskUsage, maxDiskUsage }: SplitRootFacts,
  path: string,
  usage: bigint,
  hasChildren: boolean,
): { readonly suggestion: Suggestion["suggestion"]; readonly descends: boolean } {
  if (dontSplit.has(path)) return { suggestion: "dontSplit", descends: false };
  if (!repos.has(path)) {
    const descends = usage >= minDiskUsage;
    return { suggestion: descends || path === "." ? "repoCandidate" : "smallDir", descends };
  }
  if (usage > maxDiskUsage) return { suggestion: "repo", descends: true };
  return { suggestion: hasChildren ? "smallRepo" : "repo", descends: false };
}

interface Directory {
  readonly path: string;
  readonly usage: bigint;
}

/** The subdirectories of each path, the largest first. */
function childrenOf(usage: ReadonlyMap<string, bigint>): ReadonlyMap<string, readonly Directory[]> {
  const children = new Map<string, Directory[]>();
  for (const [path, bytes] of usage) {
    if (path === ".") continue;
    const slash = path.lastIndexOf("/");
    const parent = slash < 0 ? "." : path.slice(0, slash);
    const siblings = children.get(parent) ?? [];
    children.set(parent, siblings);
    siblings.push({ path, usage: bytes });
  }
  for (const siblings of children.values()) siblings.sort(largestFirst);
  return children;
}

function largestFirst(a: Directory, b: Directory): number {
  if (a.usage !== b.usage) return a.usage > b.usage ? -1 : 1;
  return a.path < b.path ? -1 : 1;
}
