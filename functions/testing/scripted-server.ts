import { type DescMessage, type DescMethod, fromBinary, type MessageShape, toBinary, toJson } from "@bufbuild/protobuf";
import { type ConnectRouter, createRouterTransport, type Transport } from "@connectrpc/connect";
import type { EventOf, Recorded, Stream } from "../contract/stream.ts";
import type { ScriptedHistory } from "./history.ts";

/** A unary call that the activity made. */
export interface Call {
  /** `package.Service/Method`. */
  readonly method: string;
  /** The request, as protobuf JSON. */
  readonly request: unknown;
}

/** The scripted server: adds the services that the activity calls to connect's router. */
export type Routes<E> = (router: ConnectRouter, history: ScriptedHistory<E>) => void;

/** As {@link Routes}, for the events of a stream. */
export type RoutesOf<S extends Stream> = Routes<EventOf<S>>;

/** Another actor on the same stream, called after each appended event. It may append events itself. */
export type Reaction<E> = (recorded: Recorded<E>, history: ScriptedHistory<E>) => void;

export interface ServerScript {
  readonly routes: (router: ConnectRouter) => void;
  /** Called before and after each call. Never resolves if the process dies there. */
  readonly around?: (call: Call, moment: "before" | "after") => Promise<void>;
}

/** A transport to services in memory that records the unary calls in `calls`. */
export function scriptedTransport(script: ServerScript, calls: Call[]): Transport {
  const transport = createRouterTransport(script.routes, {
    transport: {
      interceptors: [
        (next) => async (request) => {
          if (request.stream) return next(request);
          const call = {
            method: `${request.service.typeName}/${request.method.name}`,
            request: jsonOf(request.method, request.message),
          };
          await script.around?.(call, "before");
          // A call that is aborted before it is sent does not reach the server.
          request.signal.throwIfAborted();
          calls.push(call);
          const answer = await next(request);
          await script.around?.(call, "after");
          return answer;
        },
      ],
    },
  });
  return {
    // No timeouts, which would follow the system's clock: the test's clock does not move, and a call of a dead process
    // never ends.
    unary: (method, signal, _timeoutMs, ...rest) => transport.unary(method, signal, undefined, ...rest),
    stream: (method, signal, _timeoutMs, ...rest) => transport.stream(method, signal, undefined, ...rest),
  };
}

function jsonOf({ input }: DescMethod, message: MessageShape<DescMessage>): unknown {
  // Encodes and decodes the message first, so that a hand-built message is checked as on the wire.
  return toJson(input, fromBinary(input, toBinary(input, message)));
}
