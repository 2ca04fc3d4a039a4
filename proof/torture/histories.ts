import { systemClock } from "../../functions/foundation/clock.ts";
import { createDomain } from "../../local/upstream/domain.ts";
import { registryHistory, ulidText, uuidText } from "../../local/upstream/ids.ts";
import { Journal } from "../../local/upstream/journal.ts";
import { activitiesOf, registry, starting } from "./plan.ts";

export interface Expected {
  /** Ids of the events of each aggregate, in order, by its entity id. */
  readonly histories: ReadonlyMap<string, readonly string[]>;
  /** Names of the tasks that must exist. */
  readonly tasks: ReadonlySet<string>;
}

/** Reads a journal that has no writer. */
export function readExpected(folder: string): Expected {
  const journal = Journal.open(folder);
  try {
    const histories = new Map<string, readonly string[]>();
    const idsOf = (history: Uint8Array) => journal.read(history).map(({ id }) => ulidText(id));
    const registryId = registryHistory(registry);
    const tasks = new Set([`registry/${starting}@${uuidText(registryId)}`]);
    histories.set(uuidText(registryId), idsOf(registryId));
    for (const { id, globalPath } of createDomain(journal, systemClock)
      .registries.find(registryId)
      .state.repos.values()) {
      histories.set(uuidText(id), idsOf(id));
      for (const activity of activitiesOf(globalPath)) tasks.add(`repo/${activity}@${uuidText(id)}`);
    }
    return { histories, tasks };
  } finally {
    journal.close();
  }
}
