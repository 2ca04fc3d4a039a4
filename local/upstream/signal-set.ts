import { create } from "@bufbuild/protobuf";
import {
  AggregateSignal_AggregateType,
  AggregateSignal_Signal,
  AggregateSignalsI_AggregateSelector,
  type AggregateSignalsO,
  AggregateSignalsOSchema,
} from "../../functions/nog/gen/nogfso/broadcast_pb.ts";
import { idKey } from "./ids.ts";
import { type AggregateType, aggregateTypes } from "./journal-record.ts";

/** How signals get lost: not at all, or as in nog. */
export type SignalLoss = "none" | "aliasing";

const wireTypes = {
  main: AggregateSignal_AggregateType.AT_MAIN,
  registry: AggregateSignal_AggregateType.AT_REGISTRY,
  repo: AggregateSignal_AggregateType.AT_REPO,
  workflow: AggregateSignal_AggregateType.AT_WORKFLOW,
  "ephemeral-workflow": AggregateSignal_AggregateType.AT_EPHEMERAL_WORKFLOW,
};

const selectors = {
  main: AggregateSignalsI_AggregateSelector.AS_MAIN,
  registry: AggregateSignalsI_AggregateSelector.AS_REGISTRY,
  repo: AggregateSignalsI_AggregateSelector.AS_REPO,
  workflow: AggregateSignalsI_AggregateSelector.AS_WORKFLOW,
  "ephemeral-workflow": AggregateSignalsI_AggregateSelector.AS_EPHEMERAL_WORKFLOW,
};

/** The types that a request selects; all types if it selects none. */
export function selectedTypes(selected: readonly AggregateSignalsI_AggregateSelector[]): readonly AggregateType[] {
  return selected.length === 0 ? aggregateTypes : aggregateTypes.filter((type) => selected.includes(selectors[type]));
}

/** Updated aggregates by type, each once. */
export class SignalSet {
  readonly #ids = new Map<AggregateType, Map<string, Uint8Array>>();

  add(type: AggregateType, id: Uint8Array): void {
    const ids = this.#ids.get(type) ?? new Map<string, Uint8Array>();
    this.#ids.set(type, ids.set(idKey(id), id));
  }

  get isEmpty(): boolean {
    return this.#ids.size === 0;
  }

  /** The number of ids that count against the limit: ephemeral workflows do not (nog 4450389, livebroadcastd.go). */
  get counted(): number {
    let count = 0;
    for (const [type, ids] of this.#ids) if (type !== "ephemeral-workflow") count += ids.size;
    return count;
  }

  /**
   * The message, by type in the order of the type numbers. "aliasing" is the loop variable bug of nog: all entries of
   * one type carry the id of the last one.
   */
  toMessage(loss: SignalLoss): AggregateSignalsO {
    const signals = aggregateTypes.flatMap((type) => {
      const ids = [...(this.#ids.get(type)?.values() ?? [])];
      const last = ids.at(-1);
      return ids.map((id) => ({
        aggregateType: wireTypes[type],
        signals: AggregateSignal_Signal.S_UPDATED,
        entityId: loss === "aliasing" && last ? last : id,
      }));
    });
    return create(AggregateSignalsOSchema, { signals });
  }
}
