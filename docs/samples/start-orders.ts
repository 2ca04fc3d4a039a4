// #region start
import { createTasks } from "tailwake/client";
import { app, fulfilOrder } from "./fulfil-order.ts";

/** In the code that takes orders, with the environment that the functions have. */
export async function follow(orderId: string): Promise<void> {
  await createTasks(app).start(fulfilOrder, { orderId });
}
// #endregion start
