/** The part of Lambda's context that Tailwake reads. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number;
  readonly awsRequestId: string;
}

export type LambdaHandler = (event: unknown, context: LambdaContext) => Promise<unknown>;
