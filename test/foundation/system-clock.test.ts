import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../functions/foundation/clock.ts";

const warnings: string[] = [];
const onWarning = ({ name }: Error) => warnings.push(name);
process.on("warning", onWarning);
afterEach(() => process.off("warning", onWarning));

// Node 24 warns of it; Node 20 does not.
test("a wait for a time that is past is over at once, without a warning of Node's", async () => {
  await systemClock.sleep(-1);
  expect(warnings).toEqual([]);
});
