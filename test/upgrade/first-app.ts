import { createVersion } from "./side-by-side-app.ts";

/** The app as it is deployed first, and again when it is rolled back. */
export const { wake, cron, signals, hold } = createVersion({
  name: "first",
  view: { version: 1, initial: () => ({ ids: [] as string[] }) },
});
