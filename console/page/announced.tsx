import { useRef } from "preact/hooks";
import { visible } from "./text.tsx";

/**
 * Lets a screen reader announce a sentence when its subject `about` changes. The sentences contain running times, and
 * would otherwise be announced every two seconds.
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
