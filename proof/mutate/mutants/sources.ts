import { posix } from "node:path";
import { type Chosen, mutantOf, replacementOf } from "./chosen.ts";
import { mutated } from "./mutant.ts";

/** The definitions of mutants, and all that they need: what is replaced they see as it really is. */
export const definitions = "proof/mutate/";
/** Ends the name of a module that is loaded as it really is, though a mutant replaces one of its exports. */
export const asItIs = "?real";

/** A source file that is loaded with another text. */
export interface ChangedFile {
  /** From the root of the project. */
  readonly file: string;
  readonly isReplaced: boolean;
  text(real: string): string;
}

/** The file that a mutant, or a condition taken away, has changed. */
export function changedFile(chosen: Chosen): ChangedFile {
  const replacement = replacementOf(chosen);
  if (replacement) {
    const { module: file, export: name } = replacement;
    const real = `./${posix.basename(file)}${asItIs}`;
    const replacing = posix.relative(posix.dirname(file), `${definitions}mutants/chosen.ts`);
    const text = `
      import { ${name} as real } from "${real}";
      import { replaced } from "${replacing}";
      export * from "${real}";
      export const ${name} = replaced(${JSON.stringify(chosen)}, real);
    `;
    return { file, isReplaced: true, text: () => text };
  }
  const mutant = mutantOf(chosen);
  if (!mutant || !("find" in mutant)) throw new Error(`expected a mutant of a text: ${JSON.stringify(chosen)}`);
  return { file: mutant.file, isReplaced: false, text: (real) => mutated(real, mutant) };
}
