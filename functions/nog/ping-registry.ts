import { Code, ConnectError } from "@connectrpc/connect";
import { defineActivity, type RunContext } from "../contract/activity.ts";
import { caughtUp, completed, type Decision, silentRetryAfter } from "../contract/outcome.ts";
import { PingRegistry } from "./gen/nogfso/ping-registry_pb.ts";
import { uuidBytes, vidBytes } from "./ids.ts";
import { type RegistryWorkflowActivity, registryWorkflow } from "./registry-workflow.ts";

interface PingView {
  state: "uninitialized" | "pinging" | "done";
  /** Id of the last event: the version that the summary builds on. */
  vid: string;
  /** Our own pings; other servers ping the same workflow. */
  sent: number;
  /** Pings of all servers, and those among them that report an error. */
  total: number;
  errors: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  summarizeAt: number;
}

const pings = 3;
const pingDurationMs = 10_000;
const ownMessage = /^ping \d+$/;

/**
 * Pings a registry three times, and ten seconds after the start of the workflow summarizes the pings of all servers.
 * Each ping is an event of the workflow, which wakes the task for the next one. No run waits.
 *
 * Source: nog 4450389, backend/internal/nogfsoregd/workflowproc/ping-registry.go, which sleeps between its pings.
 */
export const pingRegistry: RegistryWorkflowActivity = defineActivity(registryWorkflow, {
  name: "ping-registry",
  view: {
    version: 1,
    initial: (): PingView => ({ state: "uninitialized", vid: "", sent: 0, total: 0, errors: 0, summarizeAt: 0 }),
  },

  apply(view, { id, event }) {
    view.vid = id;
    switch (event.type) {
      case "pingStarted":
        view.state = "pinging";
        view.summarizeAt = event.atMs + pingDurationMs;
        break;
      case "serverPinged":
        view.total += 1;
        if (event.statusCode !== 0) view.errors += 1;
        if (ownMessage.test(event.message)) view.sent += 1;
        break;
      case "pingSummary":
      case "pingCompleted":
      case "pingCommitted":
        view.state = "done";
        break;
      default:
        break;
    }
  },

  async act(view, run) {
    switch (view.state) {
      case "uninitialized":
        return caughtUp();
      case "pinging":
        return unlessSummarized(run, () => pingOrSummarize(view, run));
      case "done":
        return completed();
    }
  },
});

type PingRun = RunContext<typeof registryWorkflow>;

async function pingOrSummarize(view: Readonly<PingView>, run: PingRun): Promise<Decision> {
  const client = run.client(PingRegistry);
  const workflow = uuidBytes(run.address.workflowId, "workflowId");
  if (view.sent < pings) {
    // Without a vid: servers ping concurrently, and the order of their pings does not matter.
    await client.serverPing({ workflow, statusMessage: `ping ${view.sent + 1}` });
    return caughtUp();
  }
  if (run.now().getTime() < view.summarizeAt) return silentRetryAfter(new Date(view.summarizeAt));
  // With a vid: the summary must not miss a ping. A conflict throws, and the retry reads the missing ping.
  await client.postServerPingSummary({
    workflow,
    workflowVid: vidBytes(view.vid),
    statusCode: view.errors > 0 ? 1 : 0,
    statusMessage: `{ totalCount: ${view.total}, errorCount: ${view.errors} }`,
  });
  return caughtUp();
}

/**
 * The server refuses pings and another summary once there is a summary. The task then only has to complete, on the
 * event of that summary, which is in the stream already. If the signal of the event is lost, the task completes later.
 */
async function unlessSummarized(run: PingRun, act: () => Promise<Decision>): Promise<Decision> {
  try {
    return await act();
  } catch (error) {
    if (ConnectError.from(error).code !== Code.FailedPrecondition) throw error;
    run.log.warn("another server has summarized the ping workflow", { ...run.address, err: error });
    return caughtUp();
  }
}
