/** How many of the cases each property has. A case that talks over a socket costs as much as a thousand pure ones. */
const shares = {
  "bus-events/decode": 300,
  "bus-events/deliver": 60,
  "queue-records/batch": 60,
  "function-events/cron": 10,
  "function-events/leaders": 25,
  "task-records/decode": 260,
  "task-records/table": 2,
  "views/stored": 30,
  "control-documents/decode": 160,
  "control-documents/functions": 30,
  "upstream-streams/connect": 5,
  "upstream-streams/grpc-web": 5,
  "upstream-streams/grpc": 5,
  "nog-events/messages": 180,
  "nog-events/signals": 40,
  "client-calls/tasks": 60,
  "settings/app": 160,
  "settings/reference-app": 1,
  "command-lines/tailwake": 40,
  "command-lines/start": 60,
  "templates/settings": 10,
} as const;

export type CasesOf = keyof typeof shares;

/** All cases of a run over all properties. */
const all = Number(process.env.TAILWAKE_FUZZ_CASES ?? 1_500);
const sum = Object.values(shares).reduce((total, share) => total + share, 0);

export const casesOf = (name: CasesOf): number => Math.ceil((all * shares[name]) / sum);
