import { Code } from "@connectrpc/connect";
import { ResourceExhaustedError, StateConflictError, wrapping } from "./fault.ts";
import { JournalCommitError, JournalReadError, VersionConflictError } from "./journal-error.ts";

/** The status of a failed workflow or step: a code other than 0 (0 is success), and the reason. */
export interface Failure {
  readonly statusCode: number;
  readonly statusMessage: string;
}

/**
 * Runs commands of one kind of workflow with the errors of nog 4450389
 * (backend/internal/nogfsoregd/registryd/errors.go): a state conflict is FailedPrecondition, an exceeded limit
 * ResourceExhausted, any other error Unknown; the text begins with "<name> workflow: ".
 */
export function ofWorkflow(name: string): <T>(action: () => T) => T {
  return (action) => wrapping(`${name} workflow: `, () => wrappingJournal(action), codeOf);
}

/** Runs a command of a workflow index: any error is Unknown. */
export function ofIndex<T>(action: () => T): T {
  return wrapping("workflow index error: ", action);
}

function codeOf(error: unknown): Code {
  if (error instanceof StateConflictError) return Code.FailedPrecondition;
  if (error instanceof ResourceExhaustedError) return Code.ResourceExhausted;
  return Code.Unknown;
}

/** nog adds a prefix to the journal's errors. */
function wrappingJournal<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (
      error instanceof VersionConflictError ||
      error instanceof JournalReadError ||
      error instanceof JournalCommitError
    ) {
      throw new Error(`event journal: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
