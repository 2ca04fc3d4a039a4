/** The spans of a trace: a run, each stream that is opened, also by a probe, and each write of a run. */
export type SpanName = "tailwake.run" | "tailwake.stream" | "tailwake.commit";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  set(attributes: SpanAttributes): void;
  /** Marks the span as failed. Records only the code and the message of the error. */
  fail(error: unknown): void;
  end(): void;
}

/** Makes spans. It must not throw. */
export interface Tracer {
  /** Begins a child of the active span. */
  begin(name: SpanName, attributes: SpanAttributes): Span;
  /** Begins a span that is active during `work` and ends with it. If `work` throws, the span has failed. */
  within<T>(name: SpanName, attributes: SpanAttributes, work: (span: Span) => Promise<T>): Promise<T>;
}

export const noSpan: Span = { set() {}, fail() {}, end() {} };

export const noTracer: Tracer = { begin: () => noSpan, within: (_name, _attributes, work) => work(noSpan) };
