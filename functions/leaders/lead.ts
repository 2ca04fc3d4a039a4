import { bestEffort } from "../engines/best-effort.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import type { LeaderName } from "../wake/leader-name.ts";
import { isFree, type LeaderState, Leadership, readLeader } from "./leadership.ts";

/** How often a successor looks whether the place has become free. */
const pollMs = 100;
/** Of a short invocation only a share is kept for the hand-over. */
const maxLeadShare = 0.2;

export interface Place {
  /** How long before the deadline the successor is asked for. */
  readonly leadMs: number;
  /** May a leader in this state be replaced? */
  mayTake(state: LeaderState | undefined, now: number): boolean;
  /** The work of the leader. It ends when `signal` aborts: at the deadline, or when the place is lost. */
  whileHeld(leadership: Leadership, signal: AbortSignal): Promise<void>;
}

/**
 * Holds a place for an invocation: claims it, beats, asks for a successor in time, and releases it. Resolves to "held"
 * if somebody else has it and does not leave.
 */
export async function lead(
  ports: Ports,
  name: LeaderName,
  invocation: Invocation,
  { leadMs, mayTake, whileHeld }: Place,
): Promise<"held" | "handed over" | "lost"> {
  const { clock, log } = ports;
  const leadership = await claimOrWait(ports, name, invocation, mayTake);
  if (!leadership) return "held";
  log.info("holding", { leader: name, epoch: leadership.epoch });
  const over = new AbortController();
  const lead = Math.min(leadMs, (invocation.deadline - clock.now()) * maxLeadShare);
  const beating = leadership.beat(over.signal, log);
  const leaving = leaveInTime(ports, leadership, invocation.deadline - lead, over.signal);
  try {
    await whileHeld(leadership, AbortSignal.any([invocation.signal, leadership.lost]));
  } finally {
    over.abort();
    await Promise.all([beating, leaving]);
  }
  const released = await bestEffort(ports, "place not released", { leader: name }, () => leadership.release());
  const ended = released === false && !leadership.isLeaving ? "lost" : "handed over";
  log.info(ended, { leader: name, epoch: leadership.epoch });
  return ended;
}

async function claimOrWait(
  { control, clock, newToken }: Pick<Ports, "control" | "clock" | "newToken">,
  name: LeaderName,
  { signal }: Invocation,
  mayTake: Place["mayTake"],
): Promise<Leadership | undefined> {
  const owner = newToken();
  while (!signal.aborted) {
    const claimed = await Leadership.claim({ control, clock }, name, owner, mayTake);
    if (claimed) return claimed;
    const { state } = await readLeader(control, name);
    // One that is free now was released, or has died, since the claim.
    if (!state?.leaving && !isFree(state, clock.now())) return undefined;
    await clock.sleep(pollMs, signal);
  }
  return undefined;
}

async function leaveInTime(ports: Ports, leadership: Leadership, at: number, over: AbortSignal): Promise<void> {
  const { clock, alarms } = ports;
  await clock.sleep(at - clock.now(), over);
  if (over.aborted || leadership.lost.aborted) return;
  await bestEffort(ports, "successor not asked for", { leader: leadership.name }, async () => {
    if (await leadership.leave()) await alarms.startLeader(leadership.name);
  });
}
