import { createVersion } from "./side-by-side-app.ts";

/** The version of the app that is deployed first, and again after a roll-back. */
export const { wake, cron, signals, lead } = createVersion({
  name: "first",
  view: { version: 1, initial: () => ({ ids: [] as string[] }) },
});
