import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { RuntimeError } from "./function-error.ts";

export type Handler = (event: unknown, context: unknown) => unknown;

const extensions = [".mjs", ".js", ".cjs"];

/**
 * Imports the function that a handler setting names: `file.exportName`, the file relative to the task root and without
 * its extension (Lambda Developer Guide, "Define Lambda function handler in Node.js").
 */
export async function loadHandler(taskRoot: string, setting: string): Promise<Handler> {
  const [, file, exportPath] = /^(.*?[^./\\][^./\\]*)\.(\w+(?:\.\w+)*)$/.exec(setting) ?? [];
  if (file === undefined || exportPath === undefined) {
    throw new RuntimeError(
      "Runtime.MalformedHandlerName",
      `The handler must be like 'file.exportName', but is '${setting}'.`,
    );
  }
  const candidates = extensions.map((extension) => resolve(taskRoot, file + extension));
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new RuntimeError(
      "Runtime.ImportModuleError",
      `Cannot find module '${file}' (.mjs, .js, .cjs) in ${taskRoot}.`,
    );
  }
  const module = await importModule(path);
  const handler = exportPath
    .split(".")
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], module);
  if (typeof handler === "function") return (event, context) => handler(event, context);
  throw new RuntimeError("Runtime.HandlerNotFound", `${path} exports no function '${exportPath}'.`);
}

async function importModule(path: string): Promise<unknown> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new RuntimeError("Runtime.UserCodeSyntaxError", `${error.name}: ${error.message}`);
    const isMissingModule = (error as NodeJS.ErrnoException | undefined)?.code === "ERR_MODULE_NOT_FOUND";
    if (isMissingModule && error instanceof Error) throw new RuntimeError("Runtime.ImportModuleError", error.message);
    throw error;
  }
}
