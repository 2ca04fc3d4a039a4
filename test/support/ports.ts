export { memoryPorts } from "../../functions/testing/memory-ports.ts";
