import type { Outcome, Run, Stream, Tail } from "../../functions/index.ts";
import { record } from "./recorder.ts";

let rounds = 0;

/** One round of a run of level 1, as it is written down. */
export interface Round {
  /** The last event that was handed out, or where the round began. */
  readonly tail: Tail;
  saw(id: Tail): void;
  checkpointed(): void;
  end(outcome: Outcome): Outcome;
}

export function beginRound(activity: string, kind: string, entity: string, run: Run<Stream>): Round {
  const round = ++rounds;
  let { tail } = run;
  record({ type: "begin", round, task: `${kind}/${activity}@${entity}`, fence: run.fence, tail });
  return {
    get tail() {
      return tail;
    },
    saw(id) {
      record({ type: "saw", round, id });
      tail = id;
    },
    checkpointed: () => record({ type: "checkpoint", round, tail }),
    end(outcome) {
      record({ type: "end", round, outcome: outcome.type, tail: outcome.tail });
      return outcome;
    },
  };
}
