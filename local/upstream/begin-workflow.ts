import type { Snapshot } from "./aggregate.ts";
import type { Domain } from "./domain.ts";
import { malformedVid, rejectedWorkflowId, versionConflict } from "./fault.ts";
import { equalIds } from "./ids.ts";
import { isPresent, parseCommandWorkflowId } from "./request-field.ts";

/**
 * Checks the optional version of a Begin call early; sentinels are not accepted. Returns the version if the caller gave
 * one. Throws FailedPrecondition "version conflict", or InvalidArgument if it is not 16 bytes.
 */
export function checkVid(found: Pick<Snapshot<unknown>, "vid">, field: Uint8Array): Uint8Array | undefined {
  if (!isPresent(field)) return undefined;
  if (field.length !== 16) throw malformedVid();
  if (!equalIds(field, found.vid)) throw versionConflict();
  return field;
}

/** Burns and returns the id of the workflow to begin. Throws FailedPrecondition if it was used before. */
export function burnWorkflowId(domain: Domain, field: Uint8Array): Uint8Array {
  const id = parseCommandWorkflowId(field);
  const reason = domain.workflowIds.burn(id);
  if (reason !== undefined) throw rejectedWorkflowId(reason);
  return id;
}
