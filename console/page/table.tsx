import type { ComponentChildren } from "preact";

interface TableProps {
  /** What is in it, for who does not see where it stands. */
  readonly label: string;
  readonly columns: readonly ComponentChildren[];
  readonly children: ComponentChildren;
  /** Rows of sums. */
  readonly foot?: ComponentChildren;
  readonly class?: string;
}

/** A table that scrolls in a box of its own where it is too wide; the box can be scrolled by keyboard. */
export function Table({ label, columns, children, foot, class: className }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
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
