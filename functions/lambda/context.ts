/** What Lambda gives a handler, as far as Tailwake reads it. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number;
  readonly awsRequestId: string;
}

export type LambdaHandler = (event: unknown, context: LambdaContext) => Promise<unknown>;
