import type { Activity } from "../contract/activity.ts";
import { type Binding, Bindings, type Bound, lazy } from "../engines/binding.ts";

/** Bindings that add any activity that is started, so that a test of one activity need not list its children. */
export class OpenBindings extends Bindings {
  override of(activity: Activity): Binding {
    this.#addOnce(lazy(activity));
    return super.of(activity);
  }

  #addOnce(bound: Bound): void {
    const { name, stream } = bound.activity;
    for (const known of this) if (known.declaration.name === name && known.stream.kind === stream.kind) return;
    this.add(bound);
  }
}
