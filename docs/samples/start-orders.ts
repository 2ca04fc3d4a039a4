// #region start
import { createTasks } from "tailwake/client";
import { app, fulfilOrder } from "./fulfil-order.ts";

/** Runs in the code that takes orders, with the environment of the functions. */
export async function follow(orderId: string): Promise<void> {
  await createTasks(app).start(fulfilOrder, { orderId });
}
// #endregion start
