import type { ComponentChildren } from "preact";

interface TableProps {
  /** The label for screen readers. */
  readonly label: string;
  readonly columns: readonly ComponentChildren[];
  readonly children: ComponentChildren;
  /** Rows of sums. */
  readonly foot?: ComponentChildren;
  readonly class?: string;
}

/** A table that scrolls in its own box when it is too wide; the keyboard can scroll the box. */
export function Table({ label, columns, children, foot, class: className }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      <table class={className}>
        <thead>
          <tr>
            {columns.map((column, i) => (
              <th scope="col" key={i}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
        {foot && <tfoot>{foot}</tfoot>}
      </table>
    </section>
  );
}
