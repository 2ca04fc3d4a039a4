export { memoryMachinery } from "../../functions/testing/memory-ports.ts";
