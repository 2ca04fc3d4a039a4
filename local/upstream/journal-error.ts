import { ulidText } from "./ids.ts";

/** A commit expected a version other than the stored one. The text is that of nog, backend/internal/events. */
export class VersionConflictError extends Error {
  override readonly name = "VersionConflictError";

  constructor(stored: Uint8Array, expected: Uint8Array) {
    super(`version conflict: stored VID ${ulidText(stored)} != expected VID ${ulidText(expected)}`);
  }
}

/** The journal cannot return the requested events; `message` has the text of nog's database errors. */
export class JournalReadError extends Error {
  override readonly name = "JournalReadError";
}

/** An invalid commit: to a deleted history, of an unknown event, or of another aggregate type. */
export class JournalCommitError extends Error {
  override readonly name = "JournalCommitError";
}

/** A journal file has bytes that a crash of a writer cannot explain. */
export class JournalCorruptError extends Error {
  override readonly name = "JournalCorruptError";
  readonly file: string;
  /** Offset in bytes of the record that cannot be read. */
  readonly offset: number;

  constructor(file: string, offset: number, problem: string) {
    super(`journal ${file}: corrupt record at offset ${offset}: ${problem}`);
    this.file = file;
    this.offset = offset;
  }
}
