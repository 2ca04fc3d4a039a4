import { taskName } from "../../tasks/record.ts";
import type { SimulatedProcess } from "./process.ts";
import type { TableWrite } from "./table.ts";

/** A lease as it was taken. */
interface Lease {
  readonly process: SimulatedProcess;
  /** Of the process, when it took it. */
  readonly troubles: number;
  /** It was over when it was taken: the process had stood still, and did not know. */
  readonly wasOver: boolean;
  readonly tail: string;
  /** Writes of a run that went on in place. */
  reruns: number;
}

/** What one invocation has taken. */
interface Catch {
  readonly invocation: number;
  readonly tasks: Set<string>;
  /** The task that must be the only one. */
  quarantined: string | undefined;
}

const maxReruns = 10;
/** From so many strikes on a task runs with nothing beside it. */
const strikesToQuarantine = 2;

/** Knows who has taken which lease, and finds what the rules about runs that died, and that go on, do not allow. */
export class Leases {
  readonly #byToken = new Map<string, Lease>();
  readonly #catches = new WeakMap<SimulatedProcess, Catch>();

  /** What is wrong with a write, with the number of the rule first; undefined if nothing. */
  wrongWith(write: TableWrite): string | undefined {
    const { operation, before, after } = write;
    const isTaking = operation.startsWith("acquire");
    const wrong =
      (before && after.strikes > before.strikes ? this.#wrongWithStrike(write) : undefined) ??
      (isTaking ? this.#wrongWithCompany(write) : this.#wrongWithRun(write));
    if (isTaking && after.token !== undefined) {
      const { by: process } = write;
      const until = after.leaseUntil ?? 0;
      const { troubles } = process;
      this.#byToken.set(after.token, {
        process,
        troubles,
        wasOver: until <= write.decidedAt,
        tail: after.tail,
        reruns: 0,
      });
    }
    return wrong;
  }

  /** Has the process that took a lease stood still since, or does it? */
  wasTroubled(token: string | undefined): boolean {
    const lease = this.#byToken.get(token ?? "");
    return lease !== undefined && hasStoodStill(lease);
  }

  /** A strike is for a run that its invocation did not survive. */
  #wrongWithStrike({ before }: TableWrite): string | undefined {
    const lease = this.#byToken.get(before?.token ?? "");
    if (!lease) return undefined;
    const isSound = !lease.process.isDead && !lease.wasOver && !hasStoodStill(lease);
    return isSound ? "rule 8: a strike against a run to which nothing had happened" : undefined;
  }

  #wrongWithCompany({ by, operation, after }: TableWrite): string | undefined {
    const name = taskName(after);
    const known = this.#catches.get(by);
    const caught = known?.invocation === by.invocation ? known : newCatch(by);
    this.#catches.set(by, caught);
    caught.tasks.add(name);
    if (after.strikes >= strikesToQuarantine) {
      caught.quarantined = name;
      if (operation === "acquire from an earlier leader")
        return "rule 8: what has killed two runs was taken by a leader";
    }
    return caught.quarantined !== undefined && caught.tasks.size > 1
      ? "rule 8: what has killed two runs was taken beside another task"
      : undefined;
  }

  #wrongWithRun({ operation, before, after }: TableWrite): string | undefined {
    const lease = this.#byToken.get(before?.token ?? "");
    if (!lease || after.engine === "eager") return undefined;
    if (operation === "canceled, tail advanced" && after.tail === lease.tail) {
      return "rule 9: a hand-over without progress";
    }
    if (operation !== "caughtUp, wakes moved") return undefined;
    return ++lease.reruns > maxReruns ? `rule 10: more than ${maxReruns} reruns in place` : undefined;
  }
}

const newCatch = ({ invocation }: SimulatedProcess): Catch => ({
  invocation,
  tasks: new Set(),
  quarantined: undefined,
});

const hasStoodStill = ({ process, troubles }: Lease): boolean =>
  process.stillUntil !== undefined || process.troubles !== troubles;
