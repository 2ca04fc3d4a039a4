/** Sets the variables of this process back to what they were; the object itself stays, since others hold it. */
export function setEnvironmentBack(to: Readonly<NodeJS.ProcessEnv>): void {
  for (const name of Object.keys(process.env)) if (!(name in to)) delete process.env[name];
  Object.assign(process.env, to);
}
