import type { TaskKey } from "../../../functions/tasks/record.ts";
import type { TaskStore } from "../../../functions/tasks/store.ts";
import type { Operation, Update } from "../../../functions/tasks/update.ts";

/** An object like the given one, which stays as it is, with some members of its own. */
export function overriding<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(members, name)) return Reflect.get(members, name);
      const member = Reflect.get(target, name);
      // Private fields are only found on the object itself.
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** Gives an object, which nobody else has yet, some members of its own. */
export function withMembers<T extends object>(object: T, members: Partial<T>): T {
  return Object.assign(object, members);
}

/** The table, for whom does something before a write of the operation. */
export function doingBefore(
  store: TaskStore,
  operation: Operation,
  act: (key: TaskKey, update: Update) => Promise<void>,
): TaskStore {
  return overriding(store, {
    async update(key, update) {
      if (update.operation === operation) await act(key, update);
      return store.update(key, update);
    },
  });
}
