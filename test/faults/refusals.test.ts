import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { epoch } from "../../functions/contract/tail.ts";
import { failuresToOpen } from "../../functions/upstream/breaker.ts";
import { protocolNames } from "../upstream/harness.ts";
import { eventually, FaultyWorld, historyOf, startNog, urlOf } from "./faulty-world.ts";
import { eventsAfter, Gate, scripted } from "./raw-servers.ts";

const secret = "hunter2-hunter2";

describe.each(protocolNames)("a server of %s", (protocol) => {
  it("that refuses the token: asked for again once a run, then retry with the error, without a word of the token", async () => {
    const nog = await startNog(5, { token: "right-token" });
    let token = secret;
    let asked = 0;
    const world = new FaultyWorld({
      protocol,
      baseUrl: urlOf(protocol, nog),
      nog,
      authorization: async () => {
        asked++;
        return token;
      },
    });
    await world.first();
    await world.expectFailed(/\[unauthenticated\] invalid token/, { tail: epoch });
    expect([asked, world.opens.length]).toEqual([2, 2]);
    await world.again();
    await world.expectFailed(/\[unauthenticated\] invalid token/, { tail: epoch, attempts: 2 });
    expect([asked, world.opens.length]).toEqual([4, 4]);
    expect(world.passes).toEqual([]);

    token = "right-token";
    await world.expectRepaired(historyOf(nog));
    await world.again();
    // An accepted token is reused.
    expect(asked).toBe(5);
    for (const text of [secret, "right-token"]) expect(await world.printed()).not.toContain(text);
  });

  it("that refuses the scope says so as Unknown: retry with the error, and the upstream is not out for it", async () => {
    let allowed = false;
    const nog = await startNog(5, { allows: () => allowed });
    const world = new FaultyWorld({ protocol, baseUrl: urlOf(protocol, nog), nog });
    await world.first();
    for (let attempts = 1; attempts <= failuresToOpen + 1; attempts++) {
      await world.expectFailed(/^\[unknown\] default deny$/, { attempts, tail: epoch });
      expect(world.opens).toHaveLength(attempts);
      if (attempts <= failuresToOpen) await world.again();
    }
    expect(world.connection.health.failures).toBe(0);
    expect(await world.breaker()).toBeUndefined();

    allowed = true;
    await world.expectRepaired(historyOf(nog));
  });

  it("that is unavailable again and again: its circuit opens, nothing is tried until a trial comes back (rule 12)", async () => {
    const nog = await startNog(5);
    const history = historyOf(nog);
    const gate = await Gate.open(urlOf(protocol, nog));
    const world = new FaultyWorld({
      protocol,
      baseUrl: gate.url,
      nog,
      hurry: 20,
    });
    // Some events come before: the tail must not move for the later ones.
    await gate.redirect(
      scripted(protocol, async function* () {
        for (const event of eventsAfter(nog).slice(0, 2)) yield { events: [event] };
      }),
    );
    await world.first();
    expect(await world.record()).toMatchObject({ status: "sleeping", tail: history[1] });

    await gate.redirect(
      // biome-ignore lint/correctness/useYield: it has nothing to say.
      scripted(protocol, async function* () {
        throw new ConnectError("not now", Code.Unavailable);
      }),
    );
    for (let attempts = 1; attempts < failuresToOpen; attempts++) {
      await world.again();
      await world.expectFailed(/^\[unavailable\] not now$/, { attempts });
      // Retried for a moment each time.
      expect(world.opens).toHaveLength(1 + 3 * attempts);
      expect(await world.breaker()).toBeUndefined();
    }
    await world.again();
    expect(await world.breaker()).toMatchObject({ state: "open", trips: 1, reason: "[unavailable] not now" });
    expect(world.lines("warn", "error").sort()).toEqual([
      ...Array(failuresToOpen).fill("error failed"),
      "warn upstream is out",
    ]);

    await gate.redirect(urlOf(protocol, nog));
    const before = { record: await world.record(), opens: world.opens.length };
    await world.again();
    // No write and no stream: the queue redelivers the wake.
    expect({ record: await world.record(), opens: world.opens.length }).toEqual(before);
    await eventually(async () => {
      await world.deliver(world.ports.alarms.take());
      return (await world.record()).status === "sleeping";
    });
    await world.expectWhole(history);
    expect(await world.breaker()).toMatchObject({ state: "closed", trips: 0 });
    expect(world.lines("info")).toContain("info upstream is back");
  });

  it("that has too much to do: not tried again at once, retry with the error", async () => {
    const nog = await startNog(5);
    const gate = await Gate.open(
      // biome-ignore lint/correctness/useYield: it has nothing to say.
      scripted(protocol, async function* () {
        throw new ConnectError("too many pending signals", Code.ResourceExhausted);
      }),
    );
    const world = new FaultyWorld({ protocol, baseUrl: gate.url, nog });
    await world.first();
    expect(world.opens).toHaveLength(1);
    await world.expectFailed(/^\[resource_exhausted\] too many pending signals$/, { tail: epoch });
    expect(world.connection.health.failures).toBe(1);
    expect(await world.breaker()).toBeUndefined();

    await gate.redirect(urlOf(protocol, nog));
    await world.expectRepaired(historyOf(nog));
  });
});
