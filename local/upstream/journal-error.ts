import { ulidText } from "./ids.ts";

/** A commit expected another version than the stored one. The text is the one of the original, backend/internal/events. */
export class VersionConflictError extends Error {
  override readonly name = "VersionConflictError";

  constructor(stored: Uint8Array, expected: Uint8Array) {
    super(`version conflict: stored VID ${ulidText(stored)} != expected VID ${ulidText(expected)}`);
  }
}

/** The journal cannot give what was asked; `message` is worded as the original's database errors. */
export class JournalReadError extends Error {
  override readonly name = "JournalReadError";
}

/** A commit that no caller should attempt: a deleted history, an unknown event, another aggregate type. */
export class JournalCommitError extends Error {
  override readonly name = "JournalCommitError";
}

/** A journal file holds bytes that no crash of a writer explains. */
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
