import { describe, expect, it } from "vitest";
import {
  type BatchService,
  sendBatches,
  type Unsent,
  UnsentError,
  unsentOf,
} from "../../functions/wake/batch-sender.ts";
import { settle, TestClock } from "../support/test-clock.ts";
import { passingTime } from "./aws-world.ts";

const throttled = () => Object.assign(new Error("Rate exceeded"), { name: "ThrottlingException" });
const denied = () => Object.assign(new Error("not allowed"), { name: "AccessDeniedException" });

/** A service whose calls the test answers: with the entries that it does not accept, or with an error. */
function start(answer: (entries: readonly number[]) => Promise<readonly Unsent<number>[]>) {
  const clock = new TestClock();
  const calls: (readonly number[])[] = [];
  const accepted: number[] = [];
  const service: BatchService<number> = {
    name: "the service",
    entries: "numbers, the first",
    contentOf: String,
    throttlingCodes: new Set(["ThrottlingException"]),
    send: async (entries) => {
      calls.push(entries);
      const unsent = await answer(entries);
      accepted.push(...entries.filter((entry) => !unsent.some((one) => one.entry === entry)));
      return unsent;
    },
  };
  const send = (count: number) => sendBatches(upTo(count), service, clock, () => 0.5);
  return { clock, calls, accepted, send };
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const refusing = (entry: number): Unsent<number> => ({ entry, code: "TooOdd", message: "no", isTransient: false });
const failureOf = (sent: Promise<void>) =>
  sent.then(
    () => expect.unreachable("was sent"),
    (error: unknown) => error,
  );

describe("a batch of many calls", () => {
  it.each<[string, (entries: readonly number[]) => readonly Unsent<number>[], number[]]>([
    [
      "fails as a whole",
      () => {
        throw denied();
      },
      upTo(10),
    ],
    ["has an entry that is refused for good", () => [refusing(3)], [3]],
  ])("of which the first %s, settles when none is under way, and sends all others", async (_, first, unsent) => {
    const waiting: (() => void)[] = [];
    const { calls, accepted, send } = start(async (entries) => {
      if (entries[0] === 0) return first(entries);
      await new Promise<void>((resolve) => waiting.push(resolve));
      return [];
    });
    let isSettled = false;
    const failure = failureOf(send(100)).finally(() => {
      isSettled = true;
    });
    await settle();
    while (waiting.length > 0) {
      expect(isSettled).toBe(false);
      waiting.pop()?.();
      await settle();
    }
    const error = await failure;
    expect(calls).toHaveLength(10);
    expect(accepted.sort((a, b) => a - b)).toEqual(upTo(100).filter((entry) => !unsent.includes(entry)));
    expect(unsentOf(error, upTo(100))).toEqual(unsent);
  });

  it("sends a call again that is throttled as a whole, waiting longer each time", async () => {
    let left = 3;
    const { clock, calls, accepted, send } = start(async ([first]) => {
      if (first === 10 && left-- > 0) throw throttled();
      return [];
    });
    await passingTime(clock, send(25));
    expect(calls.map(([first]) => first)).toEqual([0, 10, 20, 10, 10, 10]);
    expect(accepted.sort((a, b) => a - b)).toEqual(upTo(25));
  });

  it("gives a call up that is throttled four times: one error says how many of how many, the first, and the cause", async () => {
    const { clock, calls, accepted, send } = start(async ([first]) => {
      if (first === 0) throw throttled();
      return [];
    });
    const failure = failureOf(send(200));
    await passingTime(clock, failure);
    const error = await failure;
    expect(error).toMatchObject({
      name: "TailwakeError",
      code: "wake-failed",
      subject: "10 of 200 numbers, the first 0",
      expected: "the service to accept them",
      received: "ThrottlingException: Rate exceeded",
      cause: expect.objectContaining({ name: "ThrottlingException" }),
    });
    expect(calls).toHaveLength(23);
    expect(accepted).toHaveLength(190);
  });

  it("does not send a call again that fails as a whole for another reason: the SDK has tried", async () => {
    const { calls, send } = start(async () => {
      throw denied();
    });
    expect(await failureOf(send(10))).toMatchObject({ received: "AccessDeniedException: not allowed" });
    expect(calls).toHaveLength(1);
  });

  it("quotes three of many reasons", async () => {
    const { send } = start(async ([first]) => {
      throw new Error(`request ${first}`);
    });
    const error = (await failureOf(send(50))) as UnsentError;
    expect(error.received).toBe("Error: request 0; Error: request 10; Error: request 20; …");
    expect(error.unsent.size).toBe(50);
  });
});

describe("what was not sent", () => {
  it("is everything, if the error does not say it", () => {
    expect(unsentOf(new Error("throttled"), [1, 2])).toEqual([1, 2]);
    expect(unsentOf(new UnsentError({ subject: "", expected: "", received: "" }, [2]), [1, 2])).toEqual([2]);
  });
});
