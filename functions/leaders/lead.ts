import { bestEffort } from "../engines/best-effort.ts";
import type { Invocation, Ports } from "../engines/ports.ts";
import type { LeaderName } from "../wake/leader-name.ts";
import { isFree, type LeaderState, Leadership, readLeader } from "./leadership.ts";

/** How often a successor checks whether the leader has released. */
const pollMs = 100;
/** The hand-over takes at most this share of a short invocation. */
const maxLeadTimeShare = 0.2;

export interface LeaderRole {
  /** How long before the deadline the leader asks for a successor. */
  readonly leadTimeMs: number;
  /** Whether a leader in this state may be replaced. */
  mayReplace(state: LeaderState | undefined, now: number): boolean;
  /** The work of the leader. It ends when `signal` aborts: at the deadline, or when the leadership is lost. */
  whileLeading(leadership: Leadership, signal: AbortSignal): Promise<void>;
}

/**
 * Leads for an invocation: claims the leadership, sends heartbeats, asks for a successor in time, and releases. Resolves
 * to "led by another" if there is another leader that does not leave.
 */
export async function lead(
  ports: Ports,
  name: LeaderName,
  invocation: Invocation,
  { leadTimeMs, mayReplace, whileLeading }: LeaderRole,
): Promise<"led by another" | "handed over" | "lost"> {
  const { clock, log } = ports;
  const leadership = await claimOrWait(ports, name, invocation, mayReplace);
  if (!leadership) return "led by another";
  log.info("leading", { leader: name, epoch: leadership.epoch });
  const over = new AbortController();
  const leadTime = Math.min(leadTimeMs, (invocation.deadline - clock.now()) * maxLeadTimeShare);
  const beating = leadership.beat(over.signal, log);
  const leaving = leaveInTime(ports, leadership, invocation.deadline - leadTime, over.signal);
  try {
    await whileLeading(leadership, AbortSignal.any([invocation.signal, leadership.lost]));
  } finally {
    over.abort();
    await Promise.all([beating, leaving]);
  }
  const released = await bestEffort(ports, "leadership not released", { leader: name }, () => leadership.release());
  const ended = released === false && !leadership.isLeaving ? "lost" : "handed over";
  log.info(ended, { leader: name, epoch: leadership.epoch });
  return ended;
}

async function claimOrWait(
  { control, clock, newToken }: Pick<Ports, "control" | "clock" | "newToken">,
  name: LeaderName,
  { signal }: Invocation,
  mayReplace: LeaderRole["mayReplace"],
): Promise<Leadership | undefined> {
  const owner = newToken();
  while (!signal.aborted) {
    const claimed = await Leadership.claim({ control, clock }, name, owner, mayReplace);
    if (claimed) return claimed;
    const { state } = await readLeader(control, name);
    // Claims again if the leader has released or died since the last claim.
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
