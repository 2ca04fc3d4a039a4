import { createHandlers, readSettings, setting } from "tailwake";
import { ordersApp } from "./app.ts";

const { ORDERS_URL } = readSettings(process.env, { ORDERS_URL: setting.url("the URL of the orders service") });

/** What the Lambda functions in `handlers/` run. */
export const { wake, cron } = createHandlers(ordersApp(ORDERS_URL));
