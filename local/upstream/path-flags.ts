import { type RegistryEvent, RegistryEvent_Type } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import type { EventInit } from "./event-log.ts";
import { isEqualOrBelow } from "./global-path.ts";

/**
 * Flags of paths, as bit masks by global path (1: do not split); rules of nog 4450389, backend/internal/fsoregistry.
 * Setting a flag that is set, or unsetting one that is not, writes no event.
 */
export type PathFlags = ReadonlyMap<string, number>;

export function followPathFlag(flags: Map<string, number>, event: RegistryEvent): void {
  const change = event.fsoPathFlag;
  if (!change) return;
  const before = flags.get(change.path) ?? 0;
  const isSet = event.event === RegistryEvent_Type.EV_FSO_PATH_FLAG_SET;
  // Bitwise operators return signed numbers; a mask is unsigned.
  const after = (isSet ? before | change.flags : before & ~change.flags) >>> 0;
  if (after === 0) flags.delete(change.path);
  else flags.set(change.path, after);
}

export function setPathFlags(flags: PathFlags, path: string, mask: number): EventInit<RegistryEvent>[] {
  const before = flags.get(path) ?? 0;
  if ((before | mask) >>> 0 === before) return [];
  return [{ event: RegistryEvent_Type.EV_FSO_PATH_FLAG_SET, fsoPathFlag: { path, flags: mask } }];
}

export function unsetPathFlags(flags: PathFlags, path: string, mask: number): EventInit<RegistryEvent>[] {
  const before = flags.get(path) ?? 0;
  if ((before & ~mask) >>> 0 === before) return [];
  return [{ event: RegistryEvent_Type.EV_FSO_PATH_FLAG_UNSET, fsoPathFlag: { path, flags: mask } }];
}

/** The flags of a path and of the paths below it; sorted by path. */
export function pathFlagsBelow(flags: PathFlags, above: string): { path: string; flags: number }[] {
  return [...flags]
    .filter(([path]) => isEqualOrBelow(path, above))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, mask]) => ({ path, flags: mask }));
}
