import { createHandlers, readSettings, setting } from "tailwake";
import { ordersApp } from "./app.ts";

const { ORDERS_URL } = readSettings(process.env, { ORDERS_URL: setting.url("the URL of the orders service") });

/** The command line imports it, with the settings of the deployed functions. */
export const app = ordersApp(ORDERS_URL);

/** The handlers of the Lambda functions in `handlers/`. */
export const { wake, cron } = createHandlers(app);
