/** G: how long a wake that we sent ourselves may take before a tick looks after it. */
export const graceMs = 180_000;
/** S: how far two clocks may be apart. */
export const clockSkewMs = 5_000;
/** How much too early a timer may be taken. */
export const timerSlackMs = 2_000;
/** Longest time between two rescues of one task. */
export const maxRescueMs = 3_600_000;
/** A task with this many strikes or more runs in quarantine (rule 8). */
export const strikesToQuarantine = 2;
