/** How long a test waits for what must come: it ends a hang, and says nothing of how fast a machine should be. */
export const patienceMs = 300_000;
