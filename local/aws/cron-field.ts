export interface CronFieldRange {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names in the order of the numbers from `min` on. */
  readonly names?: readonly string[];
}

/**
 * The numbers one cron field stands for: `*`, numbers, names, ranges `a-b`, steps `a/n` and lists of these. Throws an
 * Error that says what is wrong.
 */
export function parseCronField(text: string, range: CronFieldRange): ReadonlySet<number> {
  const numbers = new Set<number>();
  for (const item of text.split(",")) {
    const [, base = "", step] = /^([^/]+)(?:\/(\d{1,4}))?$/.exec(item) ?? [];
    const stride = step === undefined ? 1 : Number(step);
    if (base === "" || stride < 1) throw invalidItem(item, range);
    const [first, last] = boundsOf(base, step !== undefined, range);
    if (first > last) throw invalidItem(item, range);
    for (let number = first; number <= last; number += stride) numbers.add(number);
  }
  return numbers;
}

/** One number or name of a field. */
export function parseCronNumber(text: string, range: CronFieldRange): number {
  const named = range.names?.indexOf(text.toUpperCase()) ?? -1;
  const number = named >= 0 ? named + range.min : /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= range.min && number <= range.max) return number;
  throw invalidItem(text, range);
}

function boundsOf(base: string, stepped: boolean, range: CronFieldRange): readonly [number, number] {
  if (base === "*") return [range.min, range.max];
  const [from = "", to] = base.split("-");
  const first = parseCronNumber(from, range);
  if (to !== undefined) return [first, parseCronNumber(to, range)];
  return [first, stepped ? range.max : first];
}

function invalidItem(item: string, { name, min, max }: CronFieldRange): Error {
  return new Error(`'${item}' is no valid ${name}; expected ${min}-${max}, a range, a step or a list of these`);
}
