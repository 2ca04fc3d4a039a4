export { order } from "../../examples/orders/src/order-stream.ts";
