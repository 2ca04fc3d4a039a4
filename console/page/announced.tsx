import { useRef } from "preact/hooks";
import { visible } from "./text.tsx";

/**
 * Has a screen reader say a sentence when what it is about changes: `about` names that. The sentences have times in them
 * that run, and would be said again every two seconds.
 */
export function Announced({ sentence, about }: { readonly sentence: string; readonly about: string }) {
  const said = useRef({ sentence, about });
  if (said.current.about !== about) said.current = { sentence, about };
  return (
    <p class="unseen" role="status">
      {visible(said.current.sentence)}
    </p>
  );
}
