/** Names and numbers shared by the programs of a torture and its comparison. */
export const registry = "torture";
export const root = "/torture";

/** Number of repos with a task of every activity; later repos get a parent, its child and a view. */
export const steadyRepos = 4;
/** The number of the event at which a repo's child task completes, counted from 1. */
export const completingEvent = 4;

export const repoPath = (number: number) => `${root}/repo${number}`;

/** The activity that starts the tasks of each repo. */
export const starting = "start-repos";

const ofEveryRepo = ["await-child", "complete", "fold"] as const;
const ofSteadyRepos = [
  ...ofEveryRepo,
  "read",
  "checkpoint",
  "throw",
  "wait",
  "read-cron",
  "read-eager",
  "fold-eager",
  "fold-cron",
] as const;

export type RepoActivityName = (typeof ofSteadyRepos)[number];

/** The activities of a repo, by the number that its path ends in. */
export function activitiesOf(path: string): readonly RepoActivityName[] {
  return Number(path.slice(repoPath(0).length - 1)) < steadyRepos ? ofSteadyRepos : ofEveryRepo;
}
