import type { Snapshot } from "./aggregate.ts";
import type { Domain } from "./domain.ts";
import { wrapping } from "./fault.ts";
import { registryHistory } from "./ids.ts";
import type { RegistryState } from "./registry.ts";

/** The registry of that name. Throws Unknown "registry error: uninitialized registry". */
export function registryNamed(domain: Domain, name: string): Snapshot<RegistryState> {
  return registryOf(domain, registryHistory(name));
}

/** The registry of that id. Throws as {@link registryNamed}. */
export function registryOf(domain: Domain, id: Uint8Array): Snapshot<RegistryState> {
  return wrapping("registry error: ", () => domain.registries.find(id));
}
