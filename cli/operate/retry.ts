import { deskCommand } from "../command.ts";
import { actInBulk, rateOption } from "./bulk.ts";
import { filterOf, filterOptions } from "./ls.ts";
import { dryRunOption, noteOptions, userName } from "./options.ts";

export const retry = deskCommand({
  name: "retry",
  positionals: "",
  description: "retry failed tasks: resume parked ones, wake those that wait for another attempt",
  options: { ...filterOptions, ...rateOption, ...noteOptions, ...dryRunOption },
  run(call) {
    const { reason = "retry", by = userName() } = call.values;
    return actInBulk("retry", filterOf(call.values), call, async () => ({ reason, by }));
  },
});
