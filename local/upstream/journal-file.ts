import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { JournalCorruptError } from "./journal-error.ts";

const magic = Buffer.from("TWJRNL1\n", "latin1");
const headerBytes = 12;

/**
 * An append-only file of records. Layout: 8 bytes magic, then per record
 *
 *     u32 length | u32 CRC-32 of the length bytes | u32 CRC-32 of the payload | payload
 *
 * all big-endian. A record is written with one synchronous write, so a killed process leaves at most one unfinished
 * record at the end, which opening truncates. The length has its own checksum, so that a damaged length is not mistaken
 * for an unfinished record. Nothing is synced to the device: power loss is out of scope.
 */
export class JournalFile {
  readonly path: string;
  readonly #fd: number;
  #size: number;

  private constructor(path: string, fd: number, size: number) {
    this.path = path;
    this.#fd = fd;
    this.#size = size;
  }

  /**
   * Opens or creates `journal.log` in `dir` and passes the payload of each complete record to `replay`. Throws a
   * `JournalCorruptError` for a complete record that is wrong, or that `replay` rejects.
   */
  static open(dir: string, replay: (payload: Buffer) => void): JournalFile {
    mkdirSync(dir, { recursive: true });
    const path = join(dir, "journal.log");
    const fd = openSync(path, "a+");
    closeSync(fd);
    const file = openSync(path, "r+");
    try {
      const content = readAll(file);
      const size = scan(path, content, replay);
      if (size < content.length) ftruncateSync(file, size);
      const journal = new JournalFile(path, file, size);
      if (size === 0) journal.#write(magic);
      return journal;
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  /** Appends one record; the file has it when this returns. If writing fails, the file is unchanged. */
  append(payload: Uint8Array): void {
    const record = Buffer.allocUnsafe(headerBytes + payload.length);
    record.writeUInt32BE(payload.length, 0);
    record.writeUInt32BE(crc32(record.subarray(0, 4)), 4);
    record.writeUInt32BE(crc32(payload), 8);
    record.set(payload, headerBytes);
    this.#write(record);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(bytes: Buffer): void {
    try {
      let written = 0;
      while (written < bytes.length) {
        written += writeSync(this.#fd, bytes, written, bytes.length - written, this.#size + written);
      }
    } catch (error) {
      ftruncateSync(this.#fd, this.#size);
      throw error;
    }
    this.#size += bytes.length;
  }
}

function readAll(fd: number): Buffer {
  const content = Buffer.allocUnsafeSlow(fstatSync(fd).size);
  let read = 0;
  while (read < content.length) {
    const n = readSync(fd, content, read, content.length - read, read);
    if (n === 0) break;
    read += n;
  }
  return content.subarray(0, read);
}

/** Returns the offset behind the last complete record. */
function scan(path: string, content: Buffer, replay: (payload: Buffer) => void): number {
  const start = content.subarray(0, magic.length);
  if (!start.equals(magic.subarray(0, start.length))) {
    throw new JournalCorruptError(path, 0, `expected the magic ${JSON.stringify(magic.toString("latin1"))}`);
  }
  if (start.length < magic.length) return 0;

  let offset = magic.length;
  while (content.length - offset >= headerBytes) {
    const length = content.readUInt32BE(offset);
    if (crc32(content.subarray(offset, offset + 4)) !== content.readUInt32BE(offset + 4)) {
      throw new JournalCorruptError(path, offset, "the header's checksum does not match");
    }
    const end = offset + headerBytes + length;
    if (end > content.length) break;
    const payload = content.subarray(offset + headerBytes, end);
    if (crc32(payload) !== content.readUInt32BE(offset + 8)) {
      throw new JournalCorruptError(path, offset, "the payload's checksum does not match");
    }
    try {
      replay(payload);
    } catch (error) {
      throw new JournalCorruptError(path, offset, error instanceof Error ? error.message : String(error));
    }
    offset = end;
  }
  return offset;
}
