/** What simulations do not draw or check yet, since the product does not keep it yet. False lets it in. */
export const notYet = {
  /** The wake of an operator for a task that runs is taken for a signal (rule 14). */
  operatorWakes: true,
  /** A task that a signal starts is sent a wake, though the signal runs it. */
  ownStartWakes: true,
  /** A task may await itself. */
  circles: true,
  /** The end of a child is lost on a waiter that is made ready, or changes all the time, meanwhile (rule 13). */
  endsOfChildren: true,
  /** A task that awaits a child is checked every 15 minutes, and read every 3 s by a leader (rule 13). */
  checksOfWaiting: true,
  /** Many waiters make the record of their child large. */
  manyWaiters: true,
  /** A cron task keeps the slot of its old interval when its binding changes. */
  longIntervals: true,
  /** Many records of an activity that left the app keep ticks that are cut short from the others (rule 11). */
  strangers: true,
};
