import type { App } from "tailwake";
import { type Desk, type TaskRecord, taskName, taskOf } from "tailwake/operate";
import { check, type Finding, NotChecked } from "./check.ts";

/** Maximum wait for the first byte of an answer. */
const answerMs = 10_000;

/**
 * Checks the token of each upstream, which is never printed, and reads a stream of one of its aggregates from this
 * machine.
 */
export async function checkUpstreams(desk: Desk, app: App, stopping: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [name, { authorization, baseUrl }] of Object.entries(app.upstreams)) {
    findings.push(
      await check(`token of ${name}`, "to read it, as secretsmanager:GetSecretValue", async () => {
        if (!authorization) return "no token is sent";
        const token = await authorization();
        if (typeof token !== "string" || token === "") throw new Error("its source returns no token");
        return "its source returns a token";
      }),
      await check(`upstream ${name}`, "to read its token, as secretsmanager:GetSecretValue", async () => {
        const record = await aTaskOf(desk, app, name);
        const signal = AbortSignal.any([stopping, AbortSignal.timeout(answerMs)]);
        for await (const _ of desk.events(record, { follow: false, signal })) break;
        if (signal.aborted) throw new Error(`${baseUrl} did not answer within ${answerMs / 1000} s, from this machine`);
        return `${baseUrl} sends the stream of ${taskName(record)}`;
      }),
    );
  }
  return findings;
}

/** A root task, or any task of the upstream. */
async function aTaskOf(desk: Desk, app: App, upstream: string): Promise<TaskRecord> {
  for (const root of app.roots) {
    const found = await taskOf(desk, root);
    if (found && desk.bindingOf(found)?.stream.upstream === upstream) return found;
  }
  for await (const record of desk.list()) if (desk.bindingOf(record)?.stream.upstream === upstream) return record;
  throw new NotChecked("there is no task of it yet");
}
