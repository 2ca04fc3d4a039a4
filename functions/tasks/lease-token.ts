/** The leader of a shard, and its epoch, that acquired a lease. */
export interface LeaderEpoch {
  readonly leader: string;
  readonly epoch: number;
}

/** The token of a lease that ends with its leader's epoch (rule 19). `unique` is a token as any other lease has. */
export const ledToken = ({ leader, epoch }: LeaderEpoch, unique: string): string => `${leader}#${epoch}#${unique}`;

/** The leader's epoch in a token; undefined if the lease does not depend on a leader. */
export function ledBy(token: string): LeaderEpoch | undefined {
  const [leader = "", epoch, unique] = token.split("#");
  return unique === undefined ? undefined : { leader, epoch: Number(epoch) };
}
