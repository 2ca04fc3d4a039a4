import { MemoryTaskStore } from "../tasks/memory.ts";
import { type TaskKey, type TaskRecord, taskName } from "../tasks/record.ts";
import type { Update, Written } from "../tasks/update.ts";

/** A table in memory that copies each record from another table when it is first used. */
export class CopiedStore extends MemoryTaskStore {
  readonly #read: (key: TaskKey) => Promise<TaskRecord | undefined>;
  readonly #copied = new Set<string>();

  /** `read` is the only access to the other table. */
  constructor(read: (key: TaskKey) => Promise<TaskRecord | undefined>) {
    super();
    this.#read = read;
  }

  /** Uses this record instead of the other table's. */
  copy(record: TaskRecord): void {
    this.#copied.add(taskName(record));
    this.put(record);
  }

  override async get(key: TaskKey): Promise<TaskRecord | undefined> {
    await this.#copyFirst(key);
    return super.get(key);
  }

  override async update(key: TaskKey, update: Update, sentAgain?: boolean): Promise<Written> {
    await this.#copyFirst(key);
    return super.update(key, update, sentAgain);
  }

  async #copyFirst(key: TaskKey): Promise<void> {
    if (this.#copied.has(taskName(key))) return;
    const record = await this.#read(key);
    if (record && !this.#copied.has(taskName(key))) this.copy(record);
    this.#copied.add(taskName(key));
  }
}
