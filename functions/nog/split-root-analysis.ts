import type { SplitSuggestion } from "./registry-workflow-events.ts";

/** What an analysis is made of. Paths are relative to the root, and the root itself is ".". Sizes are bytes. */
export interface SplitRootFacts {
  /** Bytes by path: of a directory with all that is below it. */
  readonly usage: ReadonlyMap<string, bigint>;
  /** Paths that are repos. */
  readonly repos: ReadonlySet<string>;
  /** Paths that somebody has said not to split. */
  readonly dontSplit: ReadonlySet<string>;
  /** From here on a directory is worth a repo. */
  readonly minDiskUsage: bigint;
  /** Up to here a repo is small enough. */
  readonly maxDiskUsage: bigint;
}

export interface Suggestion {
  readonly path: string;
  readonly suggestion: Exclude<SplitSuggestion, "unspecified" | "unrecognized">;
}

/**
 * Suggests how to split a root into repos: the root first, then, where a directory is to be looked into, its
 * subdirectories by usage, the largest first, each followed by its own.
 *
 * | path                                    | suggestion                                       | and below it |
 * |-----------------------------------------|--------------------------------------------------|--------------|
 * | flagged                                 | `dontSplit`                                      | nothing      |
 * | no repo, of at least `minDiskUsage`     | `repoCandidate`                                  | looked into  |
 * | no repo, smaller                        | `smallDir`; the root is always a `repoCandidate` | nothing      |
 * | a repo of at most `maxDiskUsage`        | `smallRepo` if it could be split, else `repo`    | nothing      |
 * | a repo, larger                          | `repo`                                           | looked into  |
 *
 * A path without usage is not looked at, nor what is below it; without one of the root there are no suggestions.
 *
 * Source: nog 4450389, backend/internal/nogfsoregd/workflowproc/split-root.go, `Analyze`. There, directories of equal
 * usage come in any order; here by path.
 */
export function suggestSplit(facts: SplitRootFacts): Suggestion[] {
  const children = childrenOf(facts.usage);
  const suggestions: Suggestion[] = [];
  const checkTask = (path: string, usage: bigint): void => {
    const below = children.get(path) ?? [];
    const { suggestion, looksInto } = judge(facts, path, usage, below.length > 0);
    suggestions.push({ path, suggestion });
    if (looksInto) for (const child of below) checkTask(child.path, child.usage);
  };
  const total = facts.usage.get(".");
  if (total !== undefined) checkTask(".", total);
  return suggestions;
}

function judge(
  { repos, dontSplit, minDiskUsage, maxDiskUsage }: SplitRootFacts,
  path: string,
  usage: bigint,
  hasChildren: boolean,
): { readonly suggestion: Suggestion["suggestion"]; readonly looksInto: boolean } {
  if (dontSplit.has(path)) return { suggestion: "dontSplit", looksInto: false };
  if (!repos.has(path)) {
    const looksInto = usage >= minDiskUsage;
    return { suggestion: looksInto || path === "." ? "repoCandidate" : "smallDir", looksInto };
  }
  if (usage > maxDiskUsage) return { suggestion: "repo", looksInto: true };
  return { suggestion: hasChildren ? "smallRepo" : "repo", looksInto: false };
}

interface Directory {
  readonly path: string;
  readonly usage: bigint;
}

/** The directories right below each path, the largest first. */
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
