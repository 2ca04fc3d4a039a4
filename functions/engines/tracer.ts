/** What a trace is made of: a run, the streams it opens (also those of probes), and each of its writes. */
export type SpanName = "tailwake.run" | "tailwake.stream" | "tailwake.commit";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  set(attributes: SpanAttributes): void;
  /** It failed: the error's code and message are noted, and nothing else of it. */
  fail(error: unknown): void;
  end(): void;
}

/** Makes spans. It must not throw. */
export interface Tracer {
  /** Begins a span below the one that is active. */
  begin(name: SpanName, attributes: SpanAttributes): Span;
  /** Begins one that is active while `work` goes on, and ends with it; with what `work` throws, it has failed. */
  within<T>(name: SpanName, attributes: SpanAttributes, work: (span: Span) => Promise<T>): Promise<T>;
}

export const noSpan: Span = { set() {}, fail() {}, end() {} };

export const noTracer: Tracer = { begin: () => noSpan, within: (_name, _attributes, work) => work(noSpan) };
