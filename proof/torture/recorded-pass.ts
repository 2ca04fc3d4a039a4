import type { Outcome, Run, Stream, Tail } from "../../functions/index.ts";
import { record } from "./recorder.ts";

let passes = 0;

/** One pass of a level 1 run, which records its steps. */
export interface RecordedPass {
  /** The last event handed out, or the tail at which the pass began. */
  readonly tail: Tail;
  saw(id: Tail): void;
  checkpointed(): void;
  end(outcome: Outcome): Outcome;
}

export function beginPass(activity: string, kind: string, entity: string, run: Run<Stream>): RecordedPass {
  const pass = ++passes;
  let { tail } = run;
  record({ type: "begin", pass, task: `${kind}/${activity}@${entity}`, fence: run.fence, tail });
  return {
    get tail() {
      return tail;
    },
    saw(id) {
      record({ type: "saw", pass, id });
      tail = id;
    },
    checkpointed: () => record({ type: "checkpoint", pass, tail }),
    end(outcome) {
      record({ type: "end", pass, outcome: outcome.type, tail: outcome.tail });
      return outcome;
    },
  };
}
