/** Only who packages, or brings TypeScript, needs a bundler: it is the project's, not Tailwake's. */
export function explainNoBundler(subject: string): (error: Error & { readonly code?: unknown }) => never {
  return (error) => {
    if (error.code !== "ERR_MODULE_NOT_FOUND" || !error.message.includes("'esbuild'")) throw error;
    throw new Error(
      `${subject}: expected esbuild among the project's packages, received none; npm install --save-dev esbuild`,
    );
  };
}
