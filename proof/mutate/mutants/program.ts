import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { build, type Plugin } from "esbuild";
import type { Chosen } from "./chosen.ts";
import { asItIs, changedFile, definitions } from "./sources.ts";
import type { WorldData, WorldReport } from "./world.ts";

/** The simulator with the program that it runs, mutated or not, as a file that workers load. */
export class Program {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  static async bundle(project: string, name: string, chosen?: Chosen): Promise<Program> {
    const file = join(project, ".build", "mutants", `${name}.mjs`);
    await build({
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      packages: "external",
      logLevel: "error",
      absWorkingDir: project,
      entryPoints: ["proof/mutate/mutants/world.ts"],
      outfile: file,
      plugins: chosen ? [mutating(project, chosen)] : [],
    });
    return new Program(file);
  }

  start(data: WorldData): World {
    return new World(new Worker(this.#file, { workerData: data }));
  }
}

/** A simulation takes a second; one that has not ended by then never will. */
const maxSeedMs = 300_000;

/** A worker that simulates one seed after the other. */
class World {
  readonly #worker: Worker;

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** Rejects with what the simulation threw, and if it does not end. */
  async simulate(seed: number): Promise<WorldReport> {
    const over = new AbortController();
    try {
      return await new Promise((resolve, reject) => {
        this.#worker.removeAllListeners();
        this.#worker.once("message", resolve);
        this.#worker.once("error", reject);
        const timer = setTimeout(() => reject(new Error("it does not end")), maxSeedMs);
        over.signal.addEventListener("abort", () => clearTimeout(timer));
        this.#worker.postMessage(seed);
      });
    } finally {
      over.abort();
    }
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

function mutating(project: string, chosen: Chosen): Plugin {
  const { file, isReplaced, text } = changedFile(chosen);
  const path = join(project, file);
  const definitionsPath = join(project, definitions);
  return {
    name: "mutant",
    setup({ onResolve, onLoad }) {
      if (isReplaced) {
        onResolve({ filter: /^\..*\.ts(\?real)?$/ }, ({ path: imported, importer, resolveDir }) => {
          const isReal = imported.endsWith(asItIs) || importer.startsWith(definitionsPath);
          const isOfFile = resolve(resolveDir, imported.replace(asItIs, "")) === path;
          return isReal && isOfFile ? { path, suffix: asItIs } : undefined;
        });
      }
      onLoad({ filter: /\.ts$/ }, async (loaded) => {
        if (loaded.path !== path || loaded.suffix !== "") return undefined;
        return { contents: text(await readFile(path, "utf8")), loader: "ts" };
      });
    },
  };
}
