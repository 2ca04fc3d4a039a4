/** G: how long a wake may take before a tick checks its task. */
export const graceMs = 180_000;
/** S: maximum difference of two clocks. */
export const clockSkewMs = 5_000;
/** How early a timer may acquire its task. */
export const timerSlackMs = 2_000;
/** Maximum time between two rescues of one task. */
export const maxRescueMs = 3_600_000;
/** How long a task awaits a child before a tick lets it look at its children again (rule 13). */
export const recheckMs = 3_600_000;
/** A task with this many strikes or more runs in quarantine (rule 8). */
export const strikesToQuarantine = 2;
