import { type Span as OtelSpan, SpanStatusCode, trace } from "@opentelemetry/api";
import { describeError } from "../contract/error.ts";
import { errorCode } from "../engines/error-code.ts";
import { noSpan, type Span, type SpanAttributes, type Tracer } from "../engines/tracer.ts";

/**
 * Spans of OpenTelemetry, by whatever SDK the function has registered. Without one, or where it records nothing, they
 * cost next to nothing: an attribute gets its name only in a span that is recorded.
 */
export const otelTracer: Tracer = {
  begin: (name, attributes) => spanOf(tracer.startSpan(name), attributes),
  within: (name, attributes, work) =>
    tracer.startActiveSpan(name, async (otel) => {
      const span = spanOf(otel, attributes);
      try {
        return await work(span);
      } catch (error) {
        span.fail(error);
        throw error;
      } finally {
        span.end();
      }
    }),
};

/** An SDK may be registered later: the tracer finds it then. */
const tracer = trace.getTracer("tailwake");

function spanOf(otel: OtelSpan, attributes: SpanAttributes): Span {
  if (!otel.isRecording()) return noSpan;
  const set = (more: SpanAttributes) => {
    // As `tailwake.task`: attributes of others stand beside them.
    for (const [name, value] of Object.entries(more)) otel.setAttribute(`tailwake.${name}`, value);
  };
  set(attributes);
  return {
    set,
    fail(error) {
      otel.setAttribute("error.type", errorCode(error));
      otel.setStatus({ code: SpanStatusCode.ERROR, message: describeError(error) });
    },
    end: () => otel.end(),
  };
}
