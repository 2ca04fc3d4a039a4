import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { Orders } from "./gen/orders_pb.ts";
import { OrderStore } from "./order-store.ts";
import type { OrderChanged } from "./order-stream.ts";

/** A bus event that the service sends: a hint that an order has news. */
export interface OrderEvent {
  readonly source: "orders";
  readonly detailType: "OrderChanged";
  readonly detail: OrderChanged;
}

export interface OrdersService {
  readonly baseUrl: string;
  readonly store: OrderStore;
  /** Passes each bus event to `put`, which in production calls EventBridge. */
  emitTo(put: (event: OrderEvent) => void): void;
  close(): Promise<void>;
}

/** Starts the service on a free port of this machine. */
export async function startOrdersService(): Promise<OrdersService> {
  const store = new OrderStore();
  const closing = new AbortController();
  const server = createServer(connectNodeAdapter({ routes: ordersRoutes(store, closing.signal) }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    store,
    emitTo(put) {
      store.onEvent((orderId) => put({ source: "orders", detailType: "OrderChanged", detail: { orderId } }));
    },
    async close() {
      closing.abort();
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** A watching stream sends a message at least this often, even without events. */
const heartbeatMs = 10_000;

/** Implements the service over a store. Streams end when `closing` aborts. */
export function ordersRoutes(store: OrderStore, closing: AbortSignal): (router: ConnectRouter) => void {
  return (router) =>
    router.service(Orders, {
      place({ orderId, item }) {
        if (orderId === "") throw new ConnectError("an order needs an id", Code.InvalidArgument);
        return { eventId: store.place(orderId, item) };
      },
      ship({ orderId, idempotencyKey }) {
        const eventId = store.ship(orderId, idempotencyKey);
        if (eventId !== undefined) return { eventId };
        throw new ConnectError(
          `order ${orderId} is not placed, or was shipped with another key`,
          Code.FailedPrecondition,
        );
      },
      async *events({ orderId, after, watch }, context) {
        const ended = AbortSignal.any([context.signal, closing]);
        const news = new News(store, orderId);
        try {
          for (let last = after; ; ) {
            const events = store.after(orderId, last);
            if (!events) throw new ConnectError(`order ${orderId} has no event ${last}`, Code.OutOfRange);
            yield { events: [...events], caughtUp: true };
            last = events.at(-1)?.id ?? last;
            if (!watch) return;
            await news.wait(ended);
            if (ended.aborted) return;
          }
        } finally {
          news.end();
        }
      },
    });
}

/** Waits for events of one order. An event that comes while nobody waits ends the next wait at once. */
class News {
  #arrived = false;
  #wake = () => {};
  readonly end: () => void;

  constructor(store: OrderStore, orderId: string) {
    this.end = store.onEvent((changed) => {
      if (changed !== orderId) return;
      this.#arrived = true;
      this.#wake();
    });
  }

  /** Resolves at the next event, at the next heartbeat, or when `ended` aborts. */
  async wait(ended: AbortSignal): Promise<void> {
    if (!this.#arrived && !ended.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, heartbeatMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
        ended.addEventListener("abort", this.#wake, { once: true });
      });
      ended.removeEventListener("abort", this.#wake);
    }
    this.#arrived = false;
  }
}
