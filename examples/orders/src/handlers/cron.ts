export { cron as handler } from "../handlers.ts";
