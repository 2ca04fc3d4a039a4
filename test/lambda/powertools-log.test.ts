import { beforeEach, describe, expect, it, vi } from "vitest";
import { jsonLogger, withFields } from "../../functions/foundation/logger.ts";
import { powertoolsLog } from "../../functions/lambda/powertools-log.ts";

const context = (awsRequestId: string) => ({ awsRequestId, getRemainingTimeInMillis: () => 1_000 });

let lines: string[];
beforeEach(() => {
  lines = [];
  const write = (text: unknown) => lines.push(String(text)) > 0;
  vi.spyOn(process.stdout, "write").mockImplementation(write);
  vi.spyOn(process.stderr, "write").mockImplementation(write);
  vi.stubEnv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
  return () => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  };
});
const take = (): Record<string, unknown>[] => lines.splice(0).map((line) => JSON.parse(line));

describe("the log of a function", () => {
  it("has the lines of the plain one: level, msg, time, then the fields, one line each", () => {
    const given = {
      task: "thing/reader@t",
      message: "an activity's own field",
      level2: { service: "x", nested: [1n, new Error("in a field")] },
      none: undefined,
      empty: "",
      nothing: null,
      err: new Error("no route"),
      big: 2n ** 70n,
    };
    const { log } = powertoolsLog();
    for (const level of ["info", "warn", "error"] as const) {
      const plain: string[] = [];
      log[level]("progressed", given);
      const [line = ""] = lines.splice(0);
      const { time } = JSON.parse(line);
      jsonLogger(
        (text) => plain.push(text),
        () => Date.parse(time),
      )[level]("progressed", given);
      expect(plain).toEqual([line]);
    }
    log.info("tick");
    expect(Object.keys(take()[0] ?? {})).toEqual(["level", "msg", "time"]);
  });

  it("says which invocation a line is of, and that it is the first of its process", () => {
    vi.stubEnv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=1");
    const { log, begin } = powertoolsLog();
    const ofRun = withFields(log, { task: "thing/reader@t" });
    begin(context("request-1"));
    ofRun.info("progressed");
    begin(context("request-2"));
    ofRun.info("progressed");
    const traceId = "1-5759e988-bd862e3fe1be46a994272793";
    expect(take()).toMatchObject([
      { task: "thing/reader@t", requestId: "request-1", coldStart: true, traceId },
      { task: "thing/reader@t", requestId: "request-2", traceId },
    ]);
    begin(context("request-3"));
    log.info("tick");
    expect(take()[0]).not.toHaveProperty("coldStart");
  });

  it("has the levels that its environment asks for, from info on if it says nothing", () => {
    const printed = () => {
      const { log } = powertoolsLog();
      for (const level of ["debug", "info", "warn", "error"] as const) log[level]("x");
      return take().map(({ level }) => level);
    };
    expect(printed()).toEqual(["info", "warn", "error"]);
    vi.stubEnv("POWERTOOLS_LOG_LEVEL", "DEBUG");
    expect(printed()).toEqual(["debug", "info", "warn", "error"]);
    vi.stubEnv("POWERTOOLS_LOG_LEVEL", "ERROR");
    expect(printed()).toEqual(["error"]);
  });

  it("prints a field that refers to itself, instead of failing the run", () => {
    const ring: Record<string, unknown> = { name: "ring" };
    ring.self = ring;
    powertoolsLog().log.warn("old view not deleted", { ring });
    expect(take()).toMatchObject([{ msg: "old view not deleted", ring: { name: "ring" } }]);
  });
});
