import { createVersion } from "./side-by-side-app.ts";

/** The app as it is upgraded to: another shape of the view, and an activity more. */
export const { wake, cron, signals, hold } = createVersion({
  name: "next",
  view: { version: 2, initial: () => ({ ids: [] as string[], shape: "next" }) },
  extra: "extra",
});
