export * from "../../../examples/orders/src/gen/orders_pb.ts";
