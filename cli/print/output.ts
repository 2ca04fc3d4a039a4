import { cutTo, printable, printableJson, widthOf } from "./printable.ts";

const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;
export type Style = keyof typeof codes;

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly right?: boolean;
  /**
   * Whether its cells may be cut if the table is too wide. Cells that users type again, such as task names, may not.
   */
  readonly cut?: boolean;
}

export interface OutputOptions {
  /** The width of the terminal. */
  readonly columns: number;
  readonly colour: boolean;
}

const gap = "  ";
/** Minimum width of a cut column. */
const minWidth = 8;

/** Writes output. Escapes unprintable characters in everything it is given; there is no other way to write. */
export class Output {
  readonly #write: (text: string) => void;
  readonly #options: OutputOptions;

  constructor(write: (text: string) => void, options: OutputOptions) {
    this.#write = write;
    this.#options = options;
  }

  line(text = "", style?: Style): void {
    this.#write(`${this.#styled(printable(text), style)}\n`);
  }

  /** Prints the lines of a text. */
  block(text: string, indent = ""): void {
    for (const line of text.split("\n")) this.line(`${indent}${line}`);
  }

  heading(text: string): void {
    this.line();
    this.line(text, "bold");
  }

  /** Prints names and values in two columns, without undefined values. */
  pairs(pairs: readonly (readonly [name: string, value: string | undefined])[]): void {
    const there = pairs.filter(([, value]) => value !== undefined);
    const width = Math.max(0, ...there.map(([name]) => widthOf(name)));
    for (const [name, value = ""] of there) this.line(`${name.padEnd(width)}${gap}${value}`.trimEnd());
  }

  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(printable))];
    const widths = columns.map((_, at) => Math.max(...cells.map((row) => widthOf(row[at] ?? ""))));
    narrow(columns, widths, this.#options.columns);
    for (const [index, row] of cells.entries()) {
      const padded = columns.map(({ right }, at) => {
        const width = widths[at] ?? 0;
        const cell = cutTo(row[at] ?? "", width);
        const space = " ".repeat(width - widthOf(cell));
        return right ? space + cell : cell + space;
      });
      this.line(padded.join(gap).trimEnd(), index === 0 ? "dim" : undefined);
    }
  }

  /** Prints JSON on one line. */
  json(value: unknown): void {
    this.#write(`${printableJson(value)}\n`);
  }

  #styled(text: string, style: Style | undefined): string {
    if (style === undefined || !this.#options.colour) return text;
    const [on, off] = codes[style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }
}

/** Narrows the columns that may be cut, the widest first, until all fit; if they cannot, lines exceed the terminal. */
function narrow(columns: readonly Column[], widths: number[], maxWidth: number): void {
  const used = () => widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1));
  for (let over = used() - maxWidth; over > 0; over = used() - maxWidth) {
    const cuttable = columns.flatMap(({ cut }, at) => (cut && (widths[at] ?? 0) > minWidth ? [at] : []));
    const widest = cuttable.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
    if (widest === undefined) return;
    const next = cuttable[1] === undefined ? minWidth : (widths[cuttable[1]] ?? minWidth);
    const width = widths[widest] ?? 0;
    widths[widest] = Math.max(minWidth, width - over, Math.min(width - 1, next));
  }
}
