/** The environment of deployed functions; nothing is called. */
const environment = {
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "bench",
  AWS_SECRET_ACCESS_KEY: "bench",
  TAILWAKE_TABLE: "bench",
  TAILWAKE_BUS_ARN: "arn:aws:events:us-east-1:000000000000:event-bus/bench",
  TAILWAKE_SCHEDULE_GROUP: "bench",
  TAILWAKE_SCHEDULE_ROLE_ARN: "arn:aws:iam::000000000000:role/bench",
  TAILWAKE_SERVICE: "bench",
  TAILWAKE_NOG_URL: "http://127.0.0.1:9",
  TAILWAKE_NOG_PROTOCOL: "grpc",
  TAILWAKE_NOG_TOKEN: "bench",
  TAILWAKE_NOG_REGISTRIES: "bench",
};

/** The role of that process: prints the answer of a bundle's handler to an empty batch. */
export async function firstAnswer([bundle = ""]: readonly string[]): Promise<void> {
  Object.assign(process.env, environment);
  const { handler } = await import(bundle);
  const answer = await handler({ Records: [] }, { getRemainingTimeInMillis: () => 120_000, awsRequestId: "bench" });
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
