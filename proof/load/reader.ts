import { createApp } from "../../functions/app.ts";
import { defineActivity } from "../../functions/contract/activity.ts";
import { caughtUp } from "../../functions/contract/outcome.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { ledger } from "../simulate/streams.ts";

/** Counts the events of its aggregate, so its view shows lost or repeated events. */
export const reader = defineActivity(ledger, {
  name: "reader",
  view: { version: 1, initial: () => ({ count: 0 }) },
  apply(view) {
    view.count++;
  },
  act: async () => caughtUp(),
});

export const readerApp = createApp({
  activities: [lazy(reader)],
  upstreams: { books: { baseUrl: "http://127.0.0.1", protocol: "grpc" } },
});
