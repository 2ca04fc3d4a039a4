import { create, type DescMessage, type DescMethod, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";

/** A call that was made on a {@link recordingTransport}. */
export interface RecordedCall {
  /** `package.Service/Method`. */
  readonly method: string;
  /** As JSON; undefined for a stream of requests. */
  readonly request: unknown;
  readonly sent: boolean;
}

/** As it is written in a path: `package.Service/Method`. */
export const nameOfMethod = (method: DescMethod): string => `${method.parent.typeName}/${method.name}`;

/**
 * A transport that notes calls, and sends those that only read. The others fail with `Unimplemented`, which says that they
 * were not sent. Streams of events are not calls: `isQuiet` methods are sent without a note.
 */
export function recordingTransport(
  transport: Transport,
  calls: RecordedCall[],
  isQuiet: (method: DescMethod) => boolean,
  isRead: (method: DescMethod) => boolean,
): Transport {
  const note = (method: DescMethod, request: unknown) => {
    const name = nameOfMethod(method);
    const sent = isRead(method);
    calls.push({ method: name, request, sent });
    if (!sent) throw new ConnectError(`${name} was noted and not sent: this is a replay`, Code.Unimplemented);
  };
  return {
    async unary(method, signal, timeoutMs, header, message, contextValues) {
      note(method, requestJson(method.input, message));
      return transport.unary(method, signal, timeoutMs, header, message, contextValues);
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      if (!isQuiet(method)) note(method, undefined);
      return transport.stream(method, signal, timeoutMs, header, input, contextValues);
    },
  };
}

function requestJson<I extends DescMessage>(input: I, message: MessageInitShape<I>): unknown {
  try {
    return toJson(input, create(input, message));
  } catch (error) {
    return `a request that has no JSON: ${(error as Error).message}`;
  }
}
