import type { Snapshot } from "./aggregate.ts";
import type { Domain } from "./domain.ts";
import { malformedVid, malformedWorkflowId, rejectedWorkflowId, versionConflict } from "./fault.ts";
import { equalIds } from "./ids.ts";
import type { RegistryState } from "./registry.ts";
import { isPresent } from "./request-field.ts";

/** The optional version of a Begin call: an early check of the registry, without sentinels. */
export function checkRegistryVid(registry: Snapshot<RegistryState>, field: Uint8Array): void {
  if (!isPresent(field)) return;
  if (field.length !== 16) throw malformedVid();
  if (!equalIds(field, registry.vid)) throw versionConflict();
}

/** The id of the workflow to begin, which is used up by this. Throws FailedPrecondition if it was used before. */
export function burnWorkflowId(domain: Domain, field: Uint8Array): Uint8Array {
  if (field.length !== 16) throw malformedWorkflowId();
  const reason = domain.workflowIds.burn(field);
  if (reason !== undefined) throw rejectedWorkflowId(reason);
  return field;
}
