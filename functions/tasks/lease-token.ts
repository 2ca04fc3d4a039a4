/** The leadership of a shard that a lease was taken under. */
export interface LeaderEpoch {
  readonly leader: string;
  readonly epoch: number;
}

/** The token of a lease that ends with its leader's epoch (rule 19). `unique` is like any other lease's token. */
export const ledToken = ({ leader, epoch }: LeaderEpoch, unique: string): string => `${leader}#${epoch}#${unique}`;

/** The leadership in a token; undefined if the lease is an invocation's. */
export function ledBy(token: string): LeaderEpoch | undefined {
  const [leader = "", epoch, unique] = token.split("#");
  return unique === undefined ? undefined : { leader, epoch: Number(epoch) };
}
