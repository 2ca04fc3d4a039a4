import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import type { Sample } from "./live.ts";

const heightPx = 150;
const darkness = matchMedia("(prefers-color-scheme: dark)");

export interface ChartProps {
  readonly title: string;
  readonly samples: readonly Sample[];
  readonly value: (sample: Sample) => number;
  /** The last and the largest value as text, for readers who cannot see the chart. */
  readonly summary: (last: number, max: number) => string;
}

/** A chart of one figure since the page was opened. */
export function Chart({ title, samples, value, summary }: ChartProps) {
  const values = samples.map(value);
  return (
    <figure class="chart">
      <figcaption>
        <h2>{title}</h2>
        <p>{values.length > 0 ? summary(values.at(-1) ?? 0, Math.max(...values)) : "Waiting for data…"}</p>
      </figcaption>
      <Plot times={samples.map(({ at }) => at / 1_000)} values={values} />
    </figure>
  );
}

function Plot({ times, values }: { readonly times: readonly number[]; readonly values: readonly number[] }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | undefined>(undefined);
  useEffect(() => {
    const { current: element } = box;
    if (!element) return;
    const made = new UPlot(optionsFor(element), [[], []], element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: heightPx }));
    resized.observe(element);
    const redraw = () => made.redraw(false, true);
    darkness.addEventListener("change", redraw);
    return () => {
      resized.disconnect();
      darkness.removeEventListener("change", redraw);
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData([[...times], [...values]]), [times.at(-1), times.length]);
  return <div class="plot" ref={box} aria-hidden="true" />;
}

function optionsFor(element: HTMLElement): UPlot.Options {
  const colour = (name: string) => () => getComputedStyle(element).getPropertyValue(name);
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height: heightPx,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      {
        ...axis,
        size: 26,
        space: 90,
        values: (_, times) => times.map((time) => new Date(time * 1_000).toLocaleTimeString("en-GB")),
      },
      { ...axis, size: 44 },
    ],
    series: [{}, { stroke: colour("--accent"), width: 1.5, points: { show: false } }],
  };
}
