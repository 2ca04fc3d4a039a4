import type { Operation } from "./operate.tsx";
import { post } from "./request.ts";

/** Only for functions that are processes of this machine. */
export const killLazy: Operation = {
  verb: "Kill the lazy function",
  description:
    "Its processes are killed with SIGKILL. The leases of their runs expire " +
    "within two minutes; then a tick or the redelivered message runs the tasks again. Nothing is lost.",
  reason: false,
  isDangerous: true,
  run: () => post("kill", {}),
};
