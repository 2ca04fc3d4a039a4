#!/usr/bin/env node
import { jsonLogger } from "tailwake";
import { runCommandLine } from "./command-line.ts";
import { commands } from "./commands.ts";
import { connect } from "./deployment/connect.ts";
import { processTerminal } from "./terminal.ts";

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
// What the engines' parts have to say is no result.
const log = jsonLogger((line) => void process.stderr.write(line));
process.exitCode = await runCommandLine(commands, process.argv.slice(2), processTerminal(stopping.signal), (place) =>
  connect(place, log),
);
