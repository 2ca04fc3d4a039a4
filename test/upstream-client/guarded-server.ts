import {
  Code,
  ConnectError,
  type ConnectRouter,
  createRouterTransport,
  type HandlerContext,
  type Transport,
} from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { onTestFinished } from "vitest";
import { Repos } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { Credentials } from "../../functions/upstream/credentials.ts";
import type { Upstream } from "../../functions/upstream/upstream.ts";
import { listenHttp1, listenHttp2 } from "../../local/upstream/listener.ts";

/** A server that looks at the token of each call, and of a stream again after its first message. */
export class GuardedServer {
  /** The `authorization` header of each call, in order. */
  readonly seen: (string | null)[] = [];
  accepts: (token: string | null) => boolean = () => true;
  /** Called between the two messages of a stream. */
  meanwhile: () => void | Promise<void> = () => {};

  readonly routes = (router: ConnectRouter): void => {
    const authenticate = ({ requestHeader }: HandlerContext) => {
      if (this.accepts(requestHeader.get("authorization"))) return;
      throw new ConnectError("invalid token", Code.Unauthenticated);
    };
    const note = ({ requestHeader }: HandlerContext) => this.seen.push(requestHeader.get("authorization"));
    const server = this;
    router.service(Repos, {
      getRepo(_request, context) {
        note(context);
        authenticate(context);
        return {};
      },
      async *events(_request, context) {
        note(context);
        authenticate(context);
        yield {};
        await server.meanwhile();
        authenticate(context);
        yield {};
      },
    });
  };

  /** A transport to this server within the process, with these credentials. */
  transport(credentials: Credentials): Transport {
    return createRouterTransport(this.routes, { transport: { interceptors: [credentials.interceptor] } });
  }

  /** Listens on a free port until the test ends. Returns the URL. */
  async listen(protocol: Upstream["protocol"]): Promise<string> {
    const handler = connectNodeAdapter({ routes: this.routes, acceptCompression: [] });
    const { url, close } = await (protocol === "grpc" ? listenHttp2 : listenHttp1)(handler, 0);
    onTestFinished(close);
    return url;
  }
}
