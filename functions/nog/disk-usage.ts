import { lstat, opendir, stat } from "node:fs/promises";

/** The disk usage of one directory, with everything below it. */
export interface DirectoryUsage {
  /** Relative to the root, "" for the root itself. Bytes that are not UTF-8 are written as `\xNN`. */
  readonly path: string;
  /** Apparent size in bytes. */
  readonly usage: bigint;
}

export interface DiskUsage {
  /** The root and the directories down to the depth, in the order of their paths. */
  readonly directories: readonly DirectoryUsage[];
  /** Number of files and directories that could not be read; their sizes, or those of their content, are missing. */
  readonly skipped: number;
  /** The first ten of them, with the error. */
  readonly skippedExamples: readonly string[];
}

export interface DiskUsageOptions {
  /** Directories down to this many levels below the root get a line of their own; 0: the root alone. */
  readonly depth: number;
  /** Ends the walk after the system calls in flight; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A directory that gets a line. `own` is the usage that counts for it and for no line below it, in bytes. */
interface Line {
  readonly parent: Line | undefined;
  readonly path: string;
  /** The path in bytes: distinguishes names with the same text, and orders the lines. */
  readonly key: Buffer;
  readonly depth: number;
  own: bigint;
}

interface Directory {
  readonly path: Buffer;
  /** The line that its files count for. */
  readonly line: Line;
  readonly depth: number;
}

interface FileInfo {
  readonly size: bigint;
  readonly isDirectory: boolean;
  /** Set for a file with several links. */
  readonly inode: string | undefined;
}

const directoriesAtOnce = 8;
const entriesAtOnce = 128;
const maxExamples = 10;

/**
 * Measures a directory tree as `cd root && du --apparent-size --block-size=1` of GNU coreutils 9.1 does: it adds up the
 * sizes that `lstat` returns for files, directories, links and all else, counts a file with several links once, and
 * follows no symbolic link but the root. du counts a linked file for the directory that it happens to see first; this
 * counts it for the first directory in path order, so that two walks of one tree agree line by line.
 *
 * Memory grows with the directories that wait to be read and with the files that have several links, not with all
 * files. Rejects with the system's error if the root cannot be read. Skips and counts other unreadable files and
 * directories, and leaves out those that disappear during the walk.
 */
export function measureDiskUsage(root: string, options: DiskUsageOptions): Promise<DiskUsage> {
  return new Walk(options).run(root);
}

class Walk {
  private readonly options: DiskUsageOptions;
  private readonly lines: Line[] = [];
  private readonly waiting: Directory[] = [];
  private readonly linked = new Map<string, { line: Line; readonly size: bigint }>();
  private readonly skippedExamples: string[] = [];
  private skipped = 0;
  private failure: { readonly error: unknown } | undefined;

  constructor(options: DiskUsageOptions) {
    this.options = options;
  }

  async run(root: string): Promise<DiskUsage> {
    const path = Buffer.from(root);
    const info = await stat(path, { bigint: true });
    const line: Line = { parent: undefined, path: "", key: Buffer.alloc(0), depth: 0, own: info.size };
    this.lines.push(line);
    await this.readDirectory({ path, line, depth: 0 });
    await this.readWaiting();
    this.options.signal?.throwIfAborted();
    if (this.failure !== undefined) throw this.failure.error;
    return { directories: this.totals(), skipped: this.skipped, skippedExamples: this.skippedExamples };
  }

  /** Reads the waiting directories, and those found in them, several at a time. Resolves when all reads have ended. */
  private readWaiting(): Promise<void> {
    return new Promise((resolve) => {
      let reading = 0;
      const next = (): void => {
        while (this.failure === undefined && reading < directoriesAtOnce) {
          const directory = this.waiting.pop();
          if (directory === undefined) break;
          reading++;
          this.readDirectory(directory)
            .catch((error: unknown) => this.skip(directory.path, error))
            .finally(() => {
              reading--;
              next();
            });
        }
        if (reading === 0) resolve();
      };
      next();
    });
  }

  private async readDirectory(directory: Directory): Promise<void> {
    this.options.signal?.throwIfAborted();
    // Names as bytes: `opendir` accepts the encoding "buffer", as `readdir` does, but its type does not say so.
    const entries = await opendir(directory.path, { encoding: "buffer" as "utf8", bufferSize: entriesAtOnce });
    let pending: Promise<void>[] = [];
    for await (const entry of entries) {
      pending.push(this.count(directory, entry.name as unknown as Buffer));
      if (pending.length < entriesAtOnce) continue;
      await Promise.all(pending);
      pending = [];
      this.options.signal?.throwIfAborted();
      if (this.failure !== undefined) return;
    }
    await Promise.all(pending);
  }

  /** Never rejects: the caller reads more entries before it awaits this. */
  private async count(directory: Directory, name: Buffer): Promise<void> {
    const path = Buffer.concat([directory.path, slash, name]);
    try {
      const { size, isDirectory, inode } = await fileInfo(path);
      if (isDirectory) {
        const depth = directory.depth + 1;
        const line = depth <= this.options.depth ? this.addLine(directory.line, name) : directory.line;
        line.own += size;
        this.waiting.push({ path, line, depth });
      } else if (inode === undefined) {
        directory.line.own += size;
      } else {
        this.countLinked(directory.line, inode, size);
      }
    } catch (error) {
      this.skip(path, error);
    }
  }

  private countLinked(line: Line, inode: string, size: bigint): void {
    const known = this.linked.get(inode);
    if (known === undefined) {
      line.own += size;
      this.linked.set(inode, { line, size });
    } else if (Buffer.compare(line.key, known.line.key) < 0) {
      known.line.own -= known.size;
      line.own += known.size;
      known.line = line;
    }
  }

  private addLine(parent: Line, name: Buffer): Line {
    const text = nameText(name);
    const line: Line = {
      parent,
      path: parent.parent === undefined ? text : `${parent.path}/${text}`,
      key: Buffer.concat([parent.key, slash, name]),
      depth: parent.depth + 1,
      own: 0n,
    };
    this.lines.push(line);
    return line;
  }

  /** Goes on without a file or directory, unless the error means that all others would fail as well. */
  private skip(path: Buffer, error: unknown): void {
    const code = errorCode(error);
    if (code === undefined || outOfResources.has(code)) {
      this.failure ??= { error };
    } else if (code !== "ENOENT") {
      this.skipped++;
      if (this.skippedExamples.length < maxExamples) this.skippedExamples.push(`${nameText(path)}: ${code}`);
    }
  }

  private totals(): DirectoryUsage[] {
    const totals = new Map<Line, bigint>(this.lines.map((line) => [line, line.own]));
    // Parents come before their children, so in reverse order each total is complete when it is added.
    for (const line of this.lines.toReversed()) {
      if (line.parent !== undefined) totals.set(line.parent, total(totals, line.parent) + total(totals, line));
    }
    const ordered = this.lines.toSorted((a, b) => Buffer.compare(a.key, b.key));
    // Two names can have the same escaped text; then they share a line.
    const byPath = new Map<string, bigint>();
    for (const line of ordered) byPath.set(line.path, (byPath.get(line.path) ?? 0n) + total(totals, line));
    return Array.from(byPath, ([path, usage]) => ({ path, usage }));
  }
}

const slash = Buffer.from("/");
const outOfResources: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

function total(totals: ReadonlyMap<Line, bigint>, line: Line): bigint {
  return totals.get(line) ?? 0n;
}

/** Uses 64-bit numbers, which are slower, only if a size or an inode does not fit into a JavaScript number. */
async function fileInfo(path: Buffer): Promise<FileInfo> {
  const quick = await lstat(path);
  const isDirectory = quick.isDirectory();
  const exact = quick.size <= Number.MAX_SAFE_INTEGER && quick.ino <= Number.MAX_SAFE_INTEGER;
  const info = exact ? quick : await lstat(path, { bigint: true });
  const size = BigInt(info.size);
  return {
    size: size > 0n ? size : 0n,
    isDirectory,
    inode: !isDirectory && info.nlink > 1 ? `${info.dev}:${info.ino}` : undefined,
  };
}

function nameText(name: Buffer): string {
  const text = name.toString("utf8");
  if (Buffer.from(text, "utf8").equals(name)) return text;
  return Array.from(name, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`)).join("");
}

/** The code of a system error such as "EACCES"; undefined for any other error. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
