import type { Clock } from "../foundation/clock.ts";
import { MemoryTaskStore } from "../tasks/memory.ts";
import { type TaskKey, taskName } from "../tasks/record.ts";
import type { Update, Written } from "../tasks/update.ts";
import { wrongWithWrite } from "./simulation/specification.ts";

/**
 * A table in memory that holds each write against the protocol, as far as it can be told without knowing the run that
 * made it. Throws an error that quotes the rule or the promise.
 */
export class CheckedTaskStore extends MemoryTaskStore {
  /** The clock of whoever writes next: worlds that follow each other on one table may have clocks of their own. */
  clock: Clock;

  constructor(clock: Clock) {
    super();
    this.clock = clock;
  }

  override async update(key: TaskKey, update: Update): Promise<Written> {
    const before = await this.get(key);
    const now = this.clock.now();
    const written = await super.update(key, update);
    // A write that had been applied before, and whose answer was lost, changes nothing.
    if (!written.applied || written.record === before) return written;
    const wrong = wrongWithWrite({ operation: update.operation, before, after: written.record, now });
    if (wrong === undefined) return written;
    throw new Error(`${update.operation} of ${taskName(key)} is against the protocol: ${wrong}`);
  }
}
