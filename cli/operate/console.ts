import { startConsole } from "../../console/server.ts";
import { deskCommand } from "../command.ts";
import { countOf, noteOptions, printWithoutApp, userName } from "./options.ts";

export const consoleCommand = deskCommand({
  name: "console",
  positionals: "",
  description: "serve the operators' console on 127.0.0.1 and open it in the browser, until Ctrl-C",
  options: {
    port: { value: "PORT", description: "port to listen on; default: a free one" },
    by: noteOptions.by,
    "no-open": { description: "print the URL, which works once, without opening it" },
  },
  async run({ values, deployment, json, terminal }) {
    const { stdout, stopping } = terminal;
    const port = countOf("port", values.port, 0, 65_535);
    printWithoutApp(deployment, terminal, "the console shows no upstreams and no lag");
    const { desk, title } = deployment;
    const consoleServer = await startConsole({ desk, deployment: title, port, by: values.by ?? userName() });
    try {
      if (json) stdout.json({ url: consoleServer.url });
      else stdout.line(`console at ${consoleServer.url}`);
      if (!values["no-open"]) terminal.openUrl(consoleServer.url);
      await new Promise<void>((resolve) => {
        if (stopping.aborted) resolve();
        stopping.addEventListener("abort", () => resolve(), { once: true });
      });
      return 0;
    } finally {
      await consoleServer.close();
    }
  },
});
