import type { Snapshot } from "./aggregate.ts";
import type { Domain } from "./domain.ts";
import { malformedVid, rejectedWorkflowId, versionConflict } from "./fault.ts";
import { equalIds } from "./ids.ts";
import { isPresent, parseCommandWorkflowId } from "./request-field.ts";

/**
 * The optional version of a Begin call: an early check of what it builds on, without sentinels. Returns the version if
 * the caller gave it. Throws FailedPrecondition "version conflict", or InvalidArgument for other than 16 bytes.
 */
export function checkVid(found: Pick<Snapshot<unknown>, "vid">, field: Uint8Array): Uint8Array | undefined {
  if (!isPresent(field)) return undefined;
  if (field.length !== 16) throw malformedVid();
  if (!equalIds(field, found.vid)) throw versionConflict();
  return field;
}

/** The id of the workflow to begin, which is used up by this. Throws FailedPrecondition if it was used before. */
export function burnWorkflowId(domain: Domain, field: Uint8Array): Uint8Array {
  const id = parseCommandWorkflowId(field);
  const reason = domain.workflowIds.burn(id);
  if (reason !== undefined) throw rejectedWorkflowId(reason);
  return id;
}
