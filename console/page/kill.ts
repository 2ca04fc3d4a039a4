import type { Operation } from "./operate.tsx";
import { post } from "./request.ts";

/** Only offered where the functions are processes of this machine. */
export const killLazy: Operation = {
  verb: "Kill the lazy function",
  says:
    "Its processes end with SIGKILL, in the middle of whatever they do. The leases of their runs end on their own, " +
    "within two minutes; then a tick, or the message that comes back, has the tasks run again. Nothing is lost.",
  reason: false,
  grave: true,
  run: () => post("kill", {}),
};
