import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Done, Problem } from "../messages.ts";
import { visible } from "./text.tsx";

/** Something that an operator can do, and what they have to say for it. */
export interface Operation {
  /** On the button, and above the dialog. */
  readonly verb: string;
  /** What will happen. */
  readonly says: string;
  /** Asks for a reason. */
  readonly reason: boolean;
  /** Asks for the new tail: this is offered. */
  readonly tail?: string;
  /** Asks whether a run that is under way is to be fenced out. */
  readonly force?: boolean;
  /** It cannot be undone, or makes side effects happen again. */
  readonly grave?: boolean;
  readonly run: (given: Given) => Promise<Done>;
}

export interface Given {
  readonly reason: string;
  readonly to: string;
  readonly force: boolean;
}

/** A button for each operation, the dialog of the one that was chosen, and what came of the last one. */
export function Operations({ of, label }: { readonly of: readonly Operation[]; readonly label: string }) {
  const [chosen, setChosen] = useState<Operation>();
  const [done, setDone] = useState("");
  return (
    <div class="operations">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for what is filled in */}
      <div role="group" aria-label={label}>
        {of.map((operation) => (
          <button type="button" key={operation.verb} onClick={() => setChosen(operation)}>
            {operation.verb}…
          </button>
        ))}
      </div>
      <p role="status">{visible(done)}</p>
      {chosen && (
        <OperationDialog
          of={chosen}
          onEnd={(said) => {
            setChosen(undefined);
            setDone(said);
          }}
        />
      )}
    </div>
  );
}

/** Shown at once, as a modal; Escape closes it, and the focus goes back to the button. */
function OperationDialog({ of, onEnd }: { readonly of: Operation; readonly onEnd: (said: string) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [given, setGiven] = useState<Given>({ reason: "", to: of.tail ?? "", force: false });
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const id = useId();
  const said = useRef("");
  useEffect(() => dialog.current?.showModal(), []);
  const change = (changed: Partial<Given>) => setGiven({ ...given, ...changed });
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      said.current = (await of.run(given)).done;
      dialog.current?.close();
    } catch (error) {
      setProblem(error as Problem);
      setBusy(false);
    }
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby={`${id}-verb`}
      aria-describedby={`${id}-says`}
      onClose={() => onEnd(said.current)}
    >
      <form onSubmit={submit}>
        <h2 id={`${id}-verb`}>{of.verb}</h2>
        <p id={`${id}-says`}>{of.says}</p>
        {of.tail !== undefined && (
          <label>
            New tail: the id of an event, or epoch
            <input
              required
              spellcheck={false}
              autocomplete="off"
              value={given.to}
              onInput={({ currentTarget }) => change({ to: currentTarget.value })}
            />
          </label>
        )}
        {of.reason && (
          <label>
            Reason, kept in the record
            <input
              required
              maxLength={200}
              autocomplete="off"
              value={given.reason}
              onInput={({ currentTarget }) => change({ reason: currentTarget.value })}
            />
          </label>
        )}
        {of.force && (
          <label class="choice">
            <input
              type="checkbox"
              checked={given.force}
              onChange={({ currentTarget }) => change({ force: currentTarget.checked })}
            />
            Also if it runs: the run is fenced out
          </label>
        )}
        {problem && (
          <p class="problem" role="alert">
            {visible(problem.message)}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class={of.grave ? "grave" : "primary"} disabled={isBusy}>
            {of.verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}
