import { beforeEach, expect, it } from "vitest";
import type { ControlStore } from "../../functions/tasks/control.ts";

/** The contract of the control documents, run by every adapter. */
export function testControlStore(createStore: () => Promise<ControlStore>): void {
  let store: ControlStore;

  beforeEach(async () => {
    store = await createStore();
  });

  it("has no document before one is written", async () => {
    expect(await store.read("holder#signals")).toBeUndefined();
  });

  it("writes a document whole, and tells its version", async () => {
    expect(await store.write("a", { epoch: 1, owner: "x" }, 0)).toBe(1);
    expect(await store.write("a", { epoch: 2, gone: undefined }, 1)).toBe(2);
    expect(await store.read("a")).toEqual({ version: 2, value: { epoch: 2 } });
    expect(await store.read("b")).toBeUndefined();
  });

  it("refuses a write by a version that is not the stored one, and changes nothing", async () => {
    expect(await store.write("a", { n: 1 }, 1)).toBeUndefined();
    expect(await store.read("a")).toBeUndefined();
    await store.write("a", { n: 1 }, 0);
    for (const seen of [0, 2, 7]) expect(await store.write("a", { n: 2 }, seen)).toBeUndefined();
    expect(await store.read("a")).toEqual({ version: 1, value: { n: 1 } });
  });

  it("writes in any case if asked to", async () => {
    expect(await store.write("a", { n: 1 }, "any")).toBe(1);
    expect(await store.write("a", { n: 2 }, "any")).toBe(2);
    expect(await store.read("a")).toEqual({ version: 2, value: { n: 2 } });
  });

  it("lets exactly one of many writers win", async () => {
    const versions = await Promise.all(Array.from({ length: 20 }, (_, n) => store.write("a", { n }, 0)));
    expect(versions.filter((version) => version !== undefined)).toEqual([1]);
  });
}
