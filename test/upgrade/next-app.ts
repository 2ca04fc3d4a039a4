import { createVersion } from "./side-by-side-app.ts";

/** The version of the app that the upgrade deploys: another shape of the view, and an additional activity. */
export const { wake, cron, signals, lead } = createVersion({
  name: "next",
  view: { version: 2, initial: () => ({ ids: [] as string[], shape: "next" }) },
  extra: "extra",
});
