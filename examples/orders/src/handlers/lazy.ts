export { wake as handler } from "../handlers.ts";
