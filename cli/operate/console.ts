import { startConsole } from "../../console/server.ts";
import { deskCommand } from "../command.ts";
import { countOf, noteOptions, sayWithoutApp, userName } from "./saying.ts";

export const consoleCommand = deskCommand({
  name: "console",
  words: "",
  says: "serves a page for operators on 127.0.0.1, and opens it in the browser; ends at Ctrl-C",
  options: {
    port: { value: "PORT", says: "where it listens; a free one if absent" },
    by: noteOptions.by,
    "no-open": { says: "prints the URL, which opens the page once, and opens nothing" },
  },
  async run({ values, deployment, json, terminal }) {
    const { paper, stopping } = terminal;
    const port = countOf("port", values.port, 0, 65_535);
    sayWithoutApp(deployment, terminal, "no upstream is shown, and no event after a tail");
    const { desk, title } = deployment;
    const served = await startConsole({ desk, deployment: title, port, by: values.by ?? userName() });
    try {
      if (json) paper.json({ url: served.url });
      else paper.line(`console at ${served.url}`);
      if (!values["no-open"]) terminal.openUrl(served.url);
      await new Promise<void>((resolve) => {
        if (stopping.aborted) resolve();
        stopping.addEventListener("abort", () => resolve(), { once: true });
      });
      return 0;
    } finally {
      await served.close();
    }
  },
});
