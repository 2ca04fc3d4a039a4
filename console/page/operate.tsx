import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Done, Problem } from "../messages.ts";
import { visible } from "./text.tsx";

/** An action of operators, and the input it needs. */
export interface Operation {
  /** The label of the button and the title of the dialog. */
  readonly verb: string;
  /** The effect. */
  readonly description: string;
  /** Asks for a reason. */
  readonly reason: boolean;
  /** Asks for the new tail, with this default. */
  readonly tail?: string;
  /** Asks whether to fence out an active run. */
  readonly force?: boolean;
  /** Whether it cannot be undone, or repeats side effects. */
  readonly isDangerous?: boolean;
  readonly run: (given: Given) => Promise<Done>;
}

export interface Given {
  readonly reason: string;
  readonly to: string;
  readonly force: boolean;
}

/** A button for each operation, the dialog of the chosen one, and the result of the last one. */
export function Operations({ of, label }: { readonly of: readonly Operation[]; readonly label: string }) {
  const [chosen, setChosen] = useState<Operation>();
  const [done, setDone] = useState("");
  return (
    <div class="operations">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for inputs */}
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

/** Opens as a modal dialog; Escape closes it, and the focus returns to the button. */
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
      aria-describedby={`${id}-description`}
      onClose={() => onEnd(said.current)}
    >
      <form onSubmit={submit}>
        <h2 id={`${id}-verb`}>{of.verb}</h2>
        <p id={`${id}-description`}>{of.description}</p>
        {of.tail !== undefined && (
          <label>
            New tail: an event id or epoch
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
            Reason, stored in the record
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
            Also while it runs: fences out the run
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
          <button type="submit" class={of.isDangerous ? "danger" : "primary"} disabled={isBusy}>
            {of.verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}
