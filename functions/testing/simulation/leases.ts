import { ledBy } from "../../tasks/lease-token.ts";
import { taskName } from "../../tasks/record.ts";
import type { SimulatedProcess } from "./process.ts";
import type { TableWrite } from "./table.ts";

/** A lease, when it was acquired. */
interface Lease {
  readonly process: SimulatedProcess;
  /** The troubles of the process at the acquire. */
  readonly troubles: number;
  /** Its process could not use it: it had been frozen until the lease was over, or had given the acquire up. */
  readonly wasOver: boolean;
  readonly tail: string;
  /** Tasks that the process had started at the acquire. */
  readonly starts: number;
  /** Writes of the run that began another pass. */
  reruns: number;
}

/** The tasks that one invocation has acquired. */
interface AcquiredTasks {
  readonly invocation: number;
  readonly names: Set<string>;
  /** The task that must be the only one. */
  quarantined: string | undefined;
}

const maxReruns = 10;
/** A task with this many strikes or more runs in quarantine. */
const strikesToQuarantine = 2;

/** Records which process has acquired which lease, and checks the rules about runs that died and about reruns. */
export class Leases {
  readonly #byToken = new Map<string, Lease>();
  readonly #acquired = new WeakMap<SimulatedProcess, AcquiredTasks>();
  /** Tasks that each process has started. */
  readonly #starts = new WeakMap<SimulatedProcess, number>();

  /** The violation of a write, with the number of the rule first; undefined if there is none. */
  wrongWith(write: TableWrite): string | undefined {
    const { operation, before, after } = write;
    const isAcquire = operation.startsWith("acquire");
    const starts = this.#starts.get(write.by) ?? 0;
    if (operation === "start") this.#starts.set(write.by, starts + 1);
    const wrong =
      (before && after.strikes > before.strikes ? this.#wrongWithStrike(write) : undefined) ??
      (isAcquire ? this.#wrongWithCompany(write) : this.#wrongWithRun(write));
    if (isAcquire && after.token !== undefined) {
      const { by: process } = write;
      const until = after.leaseUntil ?? 0;
      // A leader that was frozen may have been replaced before it acquires.
      const troubles = ledBy(after.token) ? process.troublesBefore : process.troubles;
      this.#byToken.set(after.token, {
        process,
        troubles,
        wasOver: until <= write.decidedAt || write.isGivenUp,
        tail: after.tail,
        starts,
        reruns: 0,
      });
    }
    return wrong;
  }

  /** Whether the process that acquired a lease has been in trouble since, or is frozen. */
  wasTroubled(token: string | undefined): boolean {
    const lease = this.#byToken.get(token ?? "");
    return lease !== undefined && hasTroubles(lease);
  }

  /** Rule 8: a strike is only for a run that died, or may have. */
  #wrongWithStrike({ before }: TableWrite): string | undefined {
    const lease = this.#byToken.get(before?.token ?? "");
    if (!lease) return undefined;
    const isSound = !lease.process.isDead && !lease.wasOver && !hasTroubles(lease);
    return isSound ? "rule 8: a strike against a run to which nothing had happened" : undefined;
  }

  #wrongWithCompany({ by, operation, after }: TableWrite): string | undefined {
    const name = taskName(after);
    const known = this.#acquired.get(by);
    const acquired = known?.invocation === by.invocation ? known : noTasks(by);
    this.#acquired.set(by, acquired);
    acquired.names.add(name);
    if (after.strikes >= strikesToQuarantine) {
      acquired.quarantined = name;
      if (operation === "acquire from an earlier leader")
        return "rule 8: a leader acquired a task that had killed two runs";
    }
    return acquired.quarantined !== undefined && acquired.names.size > 1
      ? "rule 8: a task that had killed two runs was acquired beside another task"
      : undefined;
  }

  #wrongWithRun({ operation, before, after }: TableWrite): string | undefined {
    const lease = this.#byToken.get(before?.token ?? "");
    // A watching run may have caught up without a write.
    if (!lease || after.engine === "eager") return undefined;
    const gotFurther = lease.reruns > 0 || (after.tail !== lease.tail && after.tail !== "epoch");
    const hasStarted = (this.#starts.get(lease.process) ?? 0) > lease.starts;
    if (operation === "canceled, tail advanced" && !gotFurther && !hasStarted)
      return "rule 9: a hand-over without progress";
    if (operation === "retry" || operation === "attempt limit reached") {
      const startsAgain = after.attempts !== (before?.attempts ?? 0) + 1;
      if (lease.reruns > 0 && after.attempts !== 1 && !hasTroubles(lease))
        return "rule 9: an attempt was added to those before, though a pass had caught up";
      return startsAgain && !gotFurther ? "rule 9: attempts were counted from 1 again without progress" : undefined;
    }
    if (operation !== "caughtUp, wakes moved") return undefined;
    return ++lease.reruns > maxReruns ? `rule 10: more than ${maxReruns} reruns in place` : undefined;
  }
}

const noTasks = ({ invocation }: SimulatedProcess): AcquiredTasks => ({
  invocation,
  names: new Set(),
  quarantined: undefined,
});

const hasTroubles = ({ process, troubles }: Lease): boolean =>
  process.stillUntil !== undefined || process.troubles !== troubles;
