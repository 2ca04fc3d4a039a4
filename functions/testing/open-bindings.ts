import type { Activity } from "../contract/activity.ts";
import { type Binding, Bindings, type Bound, lazy } from "../engines/binding.ts";

/** Bindings that take in any activity that is started: a test of one activity need not list its children. */
export class OpenBindings extends Bindings {
  override of(activity: Activity): Binding {
    this.#takeIn(lazy(activity));
    return super.of(activity);
  }

  #takeIn(bound: Bound): void {
    const { name, stream } = bound.activity;
    for (const known of this) if (known.declaration.name === name && known.stream.kind === stream.kind) return;
    this.add(bound);
  }
}
