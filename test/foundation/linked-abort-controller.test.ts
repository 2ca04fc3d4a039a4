import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { linkedAbortController } from "../../functions/foundation/linked-abort-controller.ts";
import { settle } from "../support/test-clock.ts";

describe("a controller under a signal", () => {
  it("aborts with it, for its reason, also if that has happened already", () => {
    const above = new AbortController();
    const before = linkedAbortController(above.signal);
    const reason = new Error("over");
    above.abort(reason);
    expect(before.signal.reason).toBe(reason);
    expect(linkedAbortController(above.signal).signal.reason).toBe(reason);
  });

  it("aborts alone, and lets go of the signal", () => {
    const above = new AbortController();
    const controllers = Array.from({ length: 20 }, () => linkedAbortController(above.signal));
    expect(getEventListeners(above.signal, "abort")).toHaveLength(20);
    for (const controller of controllers) controller.abort();
    expect(above.signal.aborted).toBe(false);
    expect(getEventListeners(above.signal, "abort")).toEqual([]);
  });

  it("is gone once it has aborted, with what listened to it, though the signal lives on", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const above = new AbortController();
    const listened = (() => {
      const controller = linkedAbortController(above.signal);
      const stream = { isOver: false };
      controller.signal.addEventListener("abort", () => {
        stream.isOver = true;
      });
      controller.abort();
      expect(stream.isOver).toBe(true);
      return new WeakRef(stream);
    })();
    await settle();
    collect();
    expect(listened.deref()).toBeUndefined();
    expect(above.signal.aborted).toBe(false);
  });
});
