import { type RegistryEvent, RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import type { EventInit } from "./event-log.ts";

/** How a root may be split into repos. In a request, 0 means the default on creation, and unchanged on update. */
export interface SplitRootParams {
  /** Number of levels below the root that `du` reads; at most 8. */
  readonly maxDepth: number;
  /** Minimum size in bytes of a directory that may become a repo. */
  readonly minDiskUsage: bigint;
  /** Maximum size in bytes of a repo that is not split further. */
  readonly maxDiskUsage: bigint;
}

const gib = 1n << 30n;
const defaults: SplitRootParams = { maxDepth: 3, minDiskUsage: 20n * gib, maxDiskUsage: 400n * gib };
const none: SplitRootParams = { maxDepth: 0, minDiskUsage: 0n, maxDiskUsage: 0n };

export function followSplitRootConfig(configs: Map<string, SplitRootParams>, event: RegistryEvent): void {
  const params = event.fsoSplitRootParams;
  if (!params) return;
  const { globalRoot, maxDepth, minDiskUsage, maxDiskUsage } = params;
  switch (event.event) {
    case RegistryEvent_Type.EV_FSO_SPLIT_ROOT_ENABLED:
      configs.set(globalRoot, none);
      break;
    case RegistryEvent_Type.EV_FSO_SPLIT_ROOT_PARAMS_UPDATED:
      configs.set(globalRoot, { maxDepth, minDiskUsage, maxDiskUsage });
      break;
    case RegistryEvent_Type.EV_FSO_SPLIT_ROOT_DISABLED:
      configs.delete(globalRoot);
      break;
  }
}

/**
 * The registry's events for a configuration; rules and texts of nog 4450389, backend/internal/fsoregistry. One
 * difference: for a conflict of `maxDiskUsage`, nog compares `minDiskUsage`.
 */
export function createSplitRootConfig(
  known: SplitRootParams | undefined,
  globalRoot: string,
  asked: SplitRootParams,
): EventInit<RegistryEvent>[] {
  checkParams(asked);
  if (known) {
    if (!equalParams(merge(known, asked), known)) throw new Error("split root config already exists");
    return [];
  }
  return [
    { event: RegistryEvent_Type.EV_FSO_SPLIT_ROOT_ENABLED, fsoSplitRootParams: { globalRoot } },
    paramsUpdated(globalRoot, merge(defaults, asked)),
  ];
}

/** As {@link createSplitRootConfig}; throws if there is no configuration. */
export function updateSplitRootConfig(
  known: SplitRootParams | undefined,
  globalRoot: string,
  asked: SplitRootParams,
): EventInit<RegistryEvent>[] {
  checkParams(asked);
  if (!known) throw new Error("no split root config");
  const merged = merge(known, asked);
  return equalParams(merged, known) ? [] : [paramsUpdated(globalRoot, merged)];
}

/** As {@link updateSplitRootConfig}. */
export function deleteSplitRootConfig(
  known: SplitRootParams | undefined,
  globalRoot: string,
): EventInit<RegistryEvent>[] {
  if (!known) throw new Error("no split root config");
  return [{ event: RegistryEvent_Type.EV_FSO_SPLIT_ROOT_DISABLED, fsoSplitRootParams: { globalRoot } }];
}

function checkParams({ maxDepth, minDiskUsage, maxDiskUsage }: SplitRootParams): void {
  if (maxDepth >= 0 && maxDepth <= 8 && minDiskUsage >= 0n && maxDiskUsage >= 0n) return;
  throw new Error("invalid split root config");
}

function merge(base: SplitRootParams, asked: SplitRootParams): SplitRootParams {
  return {
    maxDepth: asked.maxDepth || base.maxDepth,
    minDiskUsage: asked.minDiskUsage || base.minDiskUsage,
    maxDiskUsage: asked.maxDiskUsage || base.maxDiskUsage,
  };
}

function equalParams(a: SplitRootParams, b: SplitRootParams): boolean {
  return a.maxDepth === b.maxDepth && a.minDiskUsage === b.minDiskUsage && a.maxDiskUsage === b.maxDiskUsage;
}

function paramsUpdated(globalRoot: string, params: SplitRootParams): EventInit<RegistryEvent> {
  return {
    event: RegistryEvent_Type.EV_FSO_SPLIT_ROOT_PARAMS_UPDATED,
    fsoSplitRootParams: { globalRoot, ...params },
  };
}
