import type { Clock } from "../foundation/clock.ts";
import { MemoryTaskStore } from "../tasks/memory.ts";
import { type TaskKey, taskName } from "../tasks/record.ts";
import type { Update, Written } from "../tasks/update.ts";
import { wrongWithWrite } from "./simulation/specification.ts";

/**
 * A table in memory that checks each write against the protocol, except what depends on the run that made it. Throws an
 * error that names the rule or the promise.
 */
export class CheckedTaskStore extends MemoryTaskStore {
  /** The clock of the next writer. Successive worlds on one table may have their own clocks. */
  clock: Clock;

  constructor(clock: Clock) {
    super();
    this.clock = clock;
  }

  protected override updateNow(key: TaskKey, update: Update, sentAgain: boolean): Written {
    const before = this.stored(key);
    const now = this.clock.now();
    const written = super.updateNow(key, update, sentAgain);
    // A repeated write, whose first response was lost, changes nothing.
    if (!written.applied || written.record === before) return written;
    const wrong = wrongWithWrite({ operation: update.operation, before, after: written.record, now });
    if (wrong === undefined) return written;
    throw new Error(`${update.operation} of ${taskName(key)} breaks the protocol: ${wrong}`);
  }
}
