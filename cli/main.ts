#!/usr/bin/env node
import { jsonLogger } from "tailwake";
import { runCommandLine } from "./command-line.ts";
import { commands } from "./commands.ts";
import { connect } from "./deployment/connect.ts";
import { processTerminal } from "./terminal.ts";

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
// Logs go to standard error: they are not part of the result.
const log = jsonLogger((line) => void process.stderr.write(line));
process.exitCode = await runCommandLine(commands, process.argv.slice(2), processTerminal(stopping.signal), (options) =>
  connect(options, log),
);
