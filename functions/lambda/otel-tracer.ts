import { type Span as OtelSpan, SpanStatusCode, trace } from "@opentelemetry/api";
import { describeError } from "../contract/error.ts";
import { errorCode } from "../engines/error-code.ts";
import { noSpan, type Span, type SpanAttributes, type Tracer } from "../engines/tracer.ts";

/**
 * Makes spans with the OpenTelemetry SDK that the function has registered. Without an SDK, or in a span that is not
 * recorded, they cost next to nothing: attribute names are built only for a recorded span.
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

/** Finds an SDK that is registered later, too. */
const tracer = trace.getTracer("tailwake");

function spanOf(otel: OtelSpan, attributes: SpanAttributes): Span {
  if (!otel.isRecording()) return noSpan;
  const set = (more: SpanAttributes) => {
    // Prefixed, as `tailwake.task`: other code adds attributes to the same span.
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
