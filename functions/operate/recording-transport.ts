import { create, type DescMessage, type DescMethod, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";

/** A call on a {@link recordingTransport}. */
export interface RecordedCall {
  /** `package.Service/Method`. */
  readonly method: string;
  /** As JSON; undefined for a stream. */
  readonly request: unknown;
  readonly sent: boolean;
}

/** The name of a method: `package.Service/Method`. */
export const nameOfMethod = (method: DescMethod): string => `${method.parent.typeName}/${method.name}`;

/**
 * A transport that records calls and sends only those that read. The others fail with `Unimplemented`, and the message
 * says that they were not sent. Sends `isQuiet` methods, such as streams of events, without recording them.
 */
export function recordingTransport(
  transport: Transport,
  calls: RecordedCall[],
  isQuiet: (method: DescMethod) => boolean,
  isRead: (method: DescMethod) => boolean,
): Transport {
  const record = (method: DescMethod, request: unknown) => {
    const name = nameOfMethod(method);
    const sent = isRead(method);
    calls.push({ method: name, request, sent });
    if (!sent) throw new ConnectError(`${name} was recorded and not sent: this is a replay`, Code.Unimplemented);
  };
  return {
    async unary(method, signal, timeoutMs, header, message, contextValues) {
      record(method, requestJson(method.input, message));
      return transport.unary(method, signal, timeoutMs, header, message, contextValues);
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      if (!isQuiet(method)) record(method, undefined);
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
