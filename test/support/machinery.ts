export { memoryMachinery } from "../../functions/testing/memory-machinery.ts";
