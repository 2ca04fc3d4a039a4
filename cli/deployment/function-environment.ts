import { GetFunctionConfigurationCommand, LambdaClient } from "@aws-sdk/client-lambda";

/**
 * Reads the environment of a deployed function. Throws an error that names the function and the remedy, without any
 * value of the environment.
 */
export async function functionEnvironment(name: string): Promise<Readonly<Record<string, string>>> {
  const client = new LambdaClient({});
  try {
    const { Environment } = await client.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    // Returned to a caller that may read the function but not decrypt its environment.
    if (Environment?.Error) throw new Error(`its environment cannot be read: ${Environment.Error.Message}`);
    return Environment?.Variables ?? {};
  } catch (error) {
    const { name: code, message } = error as Error;
    const region = await client.config.region().catch(() => "no region: --region, AWS_REGION or a profile");
    const what = code === "ResourceNotFoundException" ? "no function of that name" : `${code}: ${message}`;
    throw new Error(`function ${name}: expected to read its settings in ${region}, received ${what}`, { cause: error });
  } finally {
    client.destroy();
  }
}
