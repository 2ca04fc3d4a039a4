import { createHandlers, readSettings, setting } from "tailwake";
import { ordersApp } from "./app.ts";

const { ORDERS_URL } = readSettings(process.env, { ORDERS_URL: setting.url("the URL of the orders service") });

/** For the command line, which runs with the settings of the deployed functions. */
export const app = ordersApp(ORDERS_URL);

/** What the Lambda functions in `handlers/` run. */
export const { wake, cron } = createHandlers(app);
