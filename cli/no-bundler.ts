/** Only packaging and TypeScript need a bundler, so it is a dependency of the project, not of Tailwake. */
export function explainNoBundler(subject: string): (error: Error & { readonly code?: unknown }) => never {
  return (error) => {
    if (error.code !== "ERR_MODULE_NOT_FOUND" || !error.message.includes("'esbuild'")) throw error;
    throw new Error(`${subject}: esbuild is not installed in the project; npm install --save-dev esbuild`);
  };
}
