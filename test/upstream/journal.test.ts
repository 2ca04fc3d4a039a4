import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { idKey, newEventId, newUuid, ulidBytes, ulidText, ulidTime, zeroId } from "../../local/upstream/ids.ts";
import { Journal } from "../../local/upstream/journal.ts";
import { JournalCorruptError, VersionConflictError } from "../../local/upstream/journal-error.ts";

const a = newUuid();
const b = newUuid();

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), "journal-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

function event(text: string) {
  return { id: newEventId(0), bytes: Buffer.from(text) };
}

function commit(journal: Journal, history: Uint8Array, texts: readonly string[], expected?: Uint8Array): Uint8Array {
  return journal.commit({ history, type: "repo", events: texts.map(event), ...(expected && { expected }) });
}

function texts(journal: Journal, history: Uint8Array, after?: Uint8Array): string[] {
  return journal.read(history, after).map((stored) => Buffer.from(stored.bytes).toString());
}

function withJournal<T>(dir: string, use: (journal: Journal) => T): T {
  const journal = Journal.open(dir);
  try {
    return use(journal);
  } finally {
    journal.close();
  }
}

test("a journal gives back what was committed, per history and in order", () => {
  const journal = Journal.open();
  commit(journal, a, ["1", "2"]);
  commit(journal, b, ["x"]);
  const vid = commit(journal, a, ["3"]);
  expect(texts(journal, a)).toEqual(["1", "2", "3"]);
  expect(texts(journal, b)).toEqual(["x"]);
  expect(journal.head(a)).toEqual(vid);
  expect(texts(journal, a, vid)).toEqual([]);
  expect(texts(journal, newUuid(), vid)).toEqual([]);
  expect(journal.head(newUuid())).toEqual(zeroId);
  expect(() => journal.read(a, newUuid())).toThrow("db: finding start failed: not found");
});

test("of two commits that expect the same version the second one conflicts and leaves nothing", () => {
  const journal = Journal.open();
  const first = commit(journal, a, ["1"], zeroId);
  const second = commit(journal, a, ["2"], first);
  expect(() => commit(journal, a, ["3", "4"], first)).toThrow(VersionConflictError);
  expect(() => commit(journal, a, ["3"], first)).toThrow(
    `version conflict: stored VID ${ulidText(second)} != expected VID ${ulidText(first)}`,
  );
  expect(texts(journal, a)).toEqual(["1", "2"]);
});

test("listeners see a commit as a whole and only what they asked for", () => {
  const journal = Journal.open();
  const seen: string[] = [];
  const stop = journal.onCommit(a, () => seen.push(`a:${texts(journal, a).join()}`));
  journal.onTypeCommit("repo", (history) => seen.push(`repo:${idKey(history) === idKey(a) ? "a" : "b"}`));
  journal.onTypeCommit("main", () => seen.push("main"));
  commit(journal, a, ["1", "2"]);
  commit(journal, b, ["x"]);
  stop();
  commit(journal, a, ["3"]);
  expect(seen).toEqual(["a:1,2", "repo:a", "repo:b", "repo:a"]);
});

test("a history keeps its aggregate type", () => {
  const journal = Journal.open();
  commit(journal, a, ["1"]);
  expect(() => journal.commit({ history: a, type: "main", events: [event("2")] })).toThrow(
    "expected aggregate type repo, received main",
  );
  expect(() => commit(journal, a, [])).toThrow("expected events, received none");
});

test("a reopened journal holds commits, deletions and epochs", () => {
  const dir = directory();
  const tail = withJournal(dir, (journal) => {
    const epoch = commit(journal, a, ["1", "2"]);
    commit(journal, a, ["3"]);
    commit(journal, b, ["x"]);
    journal.trim(a, epoch);
    journal.delete(b);
    return epoch;
  });
  withJournal(dir, (journal) => {
    expect(texts(journal, a)).toEqual(["3"]);
    expect(texts(journal, b)).toEqual([]);
    expect(journal.typeOf(a)).toBe("repo");
    expect(() => commit(journal, b, ["y"])).toThrow("was deleted");
    journal.collect(a);
  });
  withJournal(dir, (journal) => {
    expect(texts(journal, a)).toEqual(["3"]);
    expect(texts(journal, a, tail)).toEqual(["3"]);
    expect(journal.histories("repo")).toEqual([a]);
    commit(journal, a, ["4"]);
    expect(texts(journal, a, tail)).toEqual(["3", "4"]);
  });
});

test("an unfinished last commit is cut off on opening and the next commit takes its place", () => {
  const dir = directory();
  const file = join(dir, "journal.log");
  withJournal(dir, (journal) => commit(journal, a, ["1"]));
  const whole = statSync(file).size;
  withJournal(dir, (journal) => commit(journal, a, ["2", "3"]));
  truncateSync(file, statSync(file).size - 1);
  withJournal(dir, (journal) => {
    expect(texts(journal, a)).toEqual(["1"]);
    expect(statSync(file).size).toBe(whole);
    commit(journal, a, ["4"]);
  });
  withJournal(dir, (journal) => expect(texts(journal, a)).toEqual(["1", "4"]));
});

test("a damaged byte anywhere in a complete record is an error that names file and offset", () => {
  const dir = directory();
  const file = join(dir, "journal.log");
  withJournal(dir, (journal) => commit(journal, a, ["1"]));
  const offset = statSync(file).size;
  withJournal(dir, (journal) => commit(journal, a, ["2"]));
  const end = statSync(file).size;
  withJournal(dir, (journal) => commit(journal, a, ["3"]));
  const content = readFileSync(file);
  for (let at = offset; at < end; at++) {
    const damaged = Buffer.from(content);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    writeFileSync(file, damaged);
    expect(() => Journal.open(dir), `byte ${at}`).toThrow(
      expect.objectContaining({ name: "JournalCorruptError", file, offset }),
    );
  }
});

test("a file that is no journal is refused and left as it is", () => {
  const dir = directory();
  writeFileSync(join(dir, "journal.log"), "something else");
  expect(() => Journal.open(dir)).toThrow(JournalCorruptError);
  expect(readFileSync(join(dir, "journal.log"), "utf8")).toBe("something else");
});

test("any commits cut at any byte reopen to a prefix of them", () => {
  const dir = directory();
  const file = join(dir, "journal.log");
  const batches = fc.array(
    fc.record({ history: fc.constantFrom(a, b), texts: fc.array(fc.string(), { minLength: 1, maxLength: 4 }) }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(batches, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
      rmSync(file, { force: true });
      const ends: number[] = [];
      withJournal(dir, (journal) => {
        ends.push(0);
        for (const batch of all) {
          commit(journal, batch.history, batch.texts);
          ends.push(statSync(file).size);
        }
      });
      const cut = Math.floor(share * statSync(file).size);
      truncateSync(file, cut);
      const kept = all.slice(
        0,
        ends.findLastIndex((end) => end <= cut),
      );
      const expected = (history: Uint8Array) =>
        kept.filter((batch) => batch.history === history).flatMap((batch) => batch.texts);
      for (let opening = 0; opening < 2; opening++) {
        withJournal(dir, (journal) => {
          expect(texts(journal, a)).toEqual(expected(a));
          expect(texts(journal, b)).toEqual(expected(b));
        });
      }
    }),
    { numRuns: 200 },
  );
});

test("100,000 events in commits of one open", () => {
  const dir = directory();
  withJournal(dir, (journal) => {
    for (let i = 0; i < 100_000; i++) commit(journal, a, ["some bytes of an event"]);
  });
  withJournal(dir, (journal) => expect(journal.read(a)).toHaveLength(100_000));
});

test("the bytes of a half written header are overwritten", () => {
  const dir = directory();
  const file = join(dir, "journal.log");
  const journal = Journal.open(dir);
  commit(journal, a, ["1"]);
  journal.close();
  const fd = openSync(file, "r+");
  writeSync(fd, Buffer.from("half a header"), 0, 5, statSync(file).size);
  closeSync(fd);
  withJournal(dir, (reopened) => {
    commit(reopened, a, ["2"]);
    expect(texts(reopened, a)).toEqual(["1", "2"]);
  });
  withJournal(dir, (reopened) => expect(texts(reopened, a)).toEqual(["1", "2"]));
});

test("event ids are ULIDs of the clock's time, in no order within a millisecond", () => {
  const ids = Array.from({ length: 100 }, () => newEventId(1_700_000_000_123));
  for (const id of ids) {
    expect(ulidTime(id)).toBe(1_700_000_000_123);
    expect(ulidBytes(ulidText(id))).toEqual(id);
  }
  const sorted = [...ids].sort((x, y) => Buffer.compare(x, y));
  expect(new Set(ids.map(idKey)).size).toBe(100);
  expect(ids.map(idKey)).not.toEqual(sorted.map(idKey));
  expect(ulidText(Uint8Array.from(Buffer.from("01a209b932b46da499265b94b506ed60", "hex")))).toHaveLength(26);
});
