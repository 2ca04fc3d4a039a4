/** Names and numbers that the programs of a torture and its comparison share. */
export const registry = "torture";
export const root = "/torture";

/** How many repos get a task of every activity; the later ones get a parent, its child and a view. */
export const steadyRepos = 4;
/** An event of a repo at which its child task completes, counted from 1. */
export const completingEvent = 4;

export const repoPath = (number: number) => `${root}/repo${number}`;

/** The activity that starts the tasks of each repo. */
export const starting = "start-repos";

const ofEveryRepo = ["await-child", "complete", "fold"] as const;
const ofSteadyRepos = [
  ...ofEveryRepo,
  "note",
  "checkpoint",
  "throw",
  "wait",
  "note-cron",
  "note-eager",
  "fold-eager",
  "fold-cron",
] as const;

export type RepoActivityName = (typeof ofSteadyRepos)[number];

/** The activities of a repo, by the number that its path ends in. */
export function activitiesOf(path: string): readonly RepoActivityName[] {
  return Number(path.slice(repoPath(0).length - 1)) < steadyRepos ? ofSteadyRepos : ofEveryRepo;
}
