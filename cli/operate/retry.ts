import { deskCommand } from "../command.ts";
import { filterOf, filterOptions } from "./ls.ts";
import { actOnMany, rateOption } from "./many.ts";
import { dryRunOption, noteOptions, userName } from "./saying.ts";

export const retry = deskCommand({
  name: "retry",
  words: "",
  says: "runs again what has failed: parked tasks are resumed, those that wait for another attempt woken",
  options: { ...filterOptions, ...rateOption, ...noteOptions, ...dryRunOption },
  run(call) {
    const { reason = "retry", by = userName() } = call.values;
    return actOnMany("retry", filterOf(call.values), call, async () => ({ reason, by }));
  },
});
