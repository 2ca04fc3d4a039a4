import { orWarn } from "../engines/best-effort.ts";
import type { Invocation, Machinery } from "../engines/ports.ts";
import type { HolderName } from "../wake/leader-name.ts";
import { type HolderState, Holding, isFree, readHolder } from "./leadership.ts";

/** How often a successor looks whether the place has become free. */
const pollMs = 100;
/** Of a short invocation only a share is kept for the hand-over. */
const longestLeadShare = 0.2;

export interface Place {
  /** How long before the deadline the successor is asked for. */
  readonly leadMs: number;
  /** May a holder in this state be replaced? */
  mayTake(state: HolderState | undefined, now: number): boolean;
  /** The work of the holder. It ends when `signal` aborts: at the deadline, or when the place is lost. */
  whileHeld(holding: Holding, signal: AbortSignal): Promise<void>;
}

/**
 * Holds a place for an invocation: claims it, beats, asks for a successor in time, and releases it. Resolves to "held"
 * if somebody else has it and does not leave.
 */
export async function holdPlace(
  machinery: Machinery,
  name: HolderName,
  invocation: Invocation,
  { leadMs, mayTake, whileHeld }: Place,
): Promise<"held" | "handed over" | "lost"> {
  const { clock, log } = machinery;
  const holding = await claimOrWait(machinery, name, invocation, mayTake);
  if (!holding) return "held";
  log.info("holding", { holder: name, epoch: holding.epoch });
  const over = new AbortController();
  const lead = Math.min(leadMs, (invocation.deadline - clock.now()) * longestLeadShare);
  const beating = holding.beat(over.signal, log);
  const leaving = leaveInTime(machinery, holding, invocation.deadline - lead, over.signal);
  try {
    await whileHeld(holding, AbortSignal.any([invocation.signal, holding.lost]));
  } finally {
    over.abort();
    await Promise.all([beating, leaving]);
  }
  const released = await orWarn(machinery, "place not released", { holder: name }, () => holding.release());
  const ended = released === false && !holding.isLeaving ? "lost" : "handed over";
  log.info(ended, { holder: name, epoch: holding.epoch });
  return ended;
}

async function claimOrWait(
  { control, clock, newToken }: Machinery,
  name: HolderName,
  { signal }: Invocation,
  mayTake: Place["mayTake"],
): Promise<Holding | undefined> {
  const owner = newToken();
  while (!signal.aborted) {
    const claimed = await Holding.claim({ control, clock }, name, owner, mayTake);
    if (claimed) return claimed;
    const { state } = await readHolder(control, name);
    // One that is free now was released, or has died, since the claim.
    if (!state?.leaving && !isFree(state, clock.now())) return undefined;
    await clock.sleep(pollMs, signal);
  }
  return undefined;
}

async function leaveInTime(machinery: Machinery, holding: Holding, at: number, over: AbortSignal): Promise<void> {
  const { clock, wakes } = machinery;
  await clock.sleep(at - clock.now(), over);
  if (over.aborted || holding.lost.aborted) return;
  await orWarn(machinery, "successor not asked for", { holder: holding.name }, async () => {
    if (await holding.leave()) await wakes.startHolder(holding.name);
  });
}
