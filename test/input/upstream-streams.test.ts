import { describe, expect } from "vitest";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import type { Tail } from "../../functions/contract/tail.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { type Clock, systemClock } from "../../functions/foundation/clock.ts";
import type { LogEntry } from "../../functions/foundation/recording-logger.ts";
import { recordingLogger } from "../../functions/foundation/recording-logger.ts";
import { repo, uuidText } from "../../functions/nog/index.ts";
import { runBatch } from "../../functions/queue/batch.ts";
import { startTask } from "../../functions/run/start.ts";
import { connectUpstream } from "../../functions/upstream/connection.ts";
import { encodeBusEvent } from "../../functions/wake/envelope.ts";
import { answering, Gate } from "../faults/raw-servers.ts";
import { memoryPorts } from "../support/ports.ts";
import { type Protocol, repoId } from "../upstream/harness.ts";
import { giveAnswer, hostileAnswer } from "./answers.ts";
import { forEachCase } from "./cases.ts";
import { expectNoPollution } from "./named-error.ts";

/** What is to be in no word that anybody can read. */
const token = "hunter2-hunter2";
const address = { repoId: uuidText(repoId, "test") };
const invocationMs = 3_600_000;
/** So that a stream that is opened three times is not waited for. */
const hurried: Clock = { now: () => Date.now(), sleep: (ms, signal) => systemClock.sleep(ms / 100, signal) };

/** Looks at each event, as an activity does, and stops where it was told to. */
const read: Tail[] = [];
const looker = defineProcessor(repo, {
  name: "looker",
  async processEvents(run, stream) {
    let tail = run.tail;
    for await (const { id, event } of stream) {
      if (typeof event.type !== "string") throw new Error("an event without a type");
      tail = id;
      read.push(tail);
      run.advance(tail);
    }
    return caughtUp(tail);
  },
});

function streamsOver(protocol: Protocol): void {
  forEachCase(
    `upstream-streams/${protocol}`,
    `of garbage over ${protocol} fail one run by a name, and move its tail to no event that was not read (T1)`,
    hostileAnswer,
    async (answer) => {
      const gate = await serverOf(protocol);
      gate.answer = answer;
      const log: LogEntry[] = [];
      const connection = connectUpstream(
        { baseUrl: gate.url, protocol, authorization: async () => token },
        { silenceMs: 20_000 },
      );
      try {
        const ports = memoryPorts({
          activities: [lazy(looker)],
          clock: hurried,
          log: recordingLogger(log),
          upstream: connection,
        });
        const { key } = await startTask(ports, looker, address);
        ports.alarms.take();
        read.length = 0;
        const hardEnd = Date.now() + invocationMs;
        const times = { deadline: hardEnd - 8_000, abandonAt: hardEnd - 3_000, hardEnd };
        const invocation = { ...times, signal: new AbortController().signal, abandoned() {} };
        const wake = encodeBusEvent({ class: "start", key, fence: 0 });
        const failures = await runBatch(ports, [{ id: "m", body: wake }], invocation);
        expect([...failures.values()]).toEqual([]);
        const record = await ports.store.get(key);
        expect(["sleeping", "retrying"]).toContain(record?.status);
        expect(record?.tail).toBe(read.at(-1) ?? "epoch");
        if (record?.status === "retrying") {
          const failed = log.find(({ message }) => message === "failed");
          expect(String(failed?.fields.err)).not.toBe("");
          expect(String(failed?.fields.err).length).toBeLessThan(4_000);
          expect(record.error?.message.length).toBeLessThanOrEqual(500);
        }
        expect(JSON.stringify([log, record])).not.toContain(token);
        expectNoPollution();
      } finally {
        connection.close();
      }
    },
  );
}

const servers = new Map<Protocol, { url: string; answer: Parameters<typeof giveAnswer>[1] }>();

/** One server a test, open until it ends. */
async function serverOf(protocol: Protocol) {
  const known = servers.get(protocol);
  if (known) return known;
  const server = { url: "", answer: undefined as never };
  const gate = await Gate.open(answering(protocol, (to) => giveAnswer(to, server.answer)));
  server.url = gate.url;
  servers.set(protocol, server);
  return server;
}

describe("streams", () => {
  for (const protocol of ["connect", "grpc-web", "grpc"] as const) streamsOver(protocol);
});
