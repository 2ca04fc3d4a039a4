import { cloudFormation, type FunctionName } from "../../infra/index.ts";
import { packagedAsItIs, packagedWith } from "./packaged.ts";
import type { Services } from "./services.ts";
import { deployStack, type Stack } from "./stack.ts";

/** The input of a deployment, and so the expected result. */
export interface Deployment {
  deploy(services: Services): Promise<Stack>;
  readonly name: string;
  readonly functions: readonly FunctionName[];
  readonly settings: typeof defaults;
  /** ARNs of the secret and the key that the functions may use. */
  readonly secret?: string;
  readonly key?: string;
  readonly signalsGoDirectly: boolean;
  /** Environment variables of the app's own settings. */
  readonly environment: Readonly<Record<string, string>>;
}

export const functionNames = ["lazy", "cron", "signals", "eager"] as const;

const defaults = {
  logDays: 14,
  lazyConcurrency: 5,
  lazyMemoryMb: 512,
  cronMemoryMb: 256,
  signalsMemoryMb: 256,
  eagerMemoryMb: 256,
  probeMinutes: 15,
  checksPerTick: 2000,
  eagerShards: 1,
  alarmTopic: "none",
};

/** Settings that all differ from each other where they could be confused, and from the defaults. */
const chosen: typeof defaults = {
  logDays: 30,
  lazyConcurrency: 7,
  lazyMemoryMb: 640,
  cronMemoryMb: 192,
  signalsMemoryMb: 320,
  eagerMemoryMb: 384,
  probeMinutes: 9,
  checksPerTick: 1234,
  eagerShards: 3,
  alarmTopic: "arn:aws:sns:us-east-1:123456789012:alarms",
};

const secretArn = "arn:aws:secretsmanager:us-east-1:210987654321:secret:orders/token-AbCdEf";
const keyArn = "arn:aws:kms:us-east-1:210987654321:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/** Without a secret; with one by name, and direct signals; with one by ARN, and a key. */
export const deployments: Readonly<Record<string, Deployment>> = {
  "npm run package": {
    deploy(services) {
      const { whole, bucketOnly } = packagedAsItIs();
      return deployStack(services, "tailwake-dev", whole, bucketOnly);
    },
    name: "tailwake-dev",
    functions: ["lazy", "cron", "signals"],
    settings: defaults,
    signalsGoDirectly: false,
    environment: {
      TAILWAKE_NOG_URL: "https://nog.example.org",
      TAILWAKE_NOG_PROTOCOL: "grpc",
      TAILWAKE_NOG_REGISTRIES: "example",
      TAILWAKE_ENGINE: "lazy",
      TAILWAKE_NOG_TOKEN_SECRET: "",
      TAILWAKE_NOG_TOKEN_FIELD: "",
    },
  },
  "osls with other settings and every option": {
    async deploy(services) {
      const { whole, bucketOnly } = await packagedWith({
        stage: "chosen",
        options: ["signals", "eager"],
        settings: { ...chosen, tokenSecret: "tailwake/test/nog", tokenField: "nogToken", signalsGo: "direct" },
        params: { nogUrl: "https://nog", nogProtocol: "connect", nogRegistries: "one,two", engine: "eager" },
      });
      return deployStack(services, "tailwake-chosen", whole, bucketOnly);
    },
    name: "tailwake-chosen",
    functions: functionNames,
    settings: chosen,
    secret: "arn:aws:secretsmanager:us-east-1:123456789012:secret:tailwake/test/nog-??????",
    signalsGoDirectly: true,
    environment: {
      TAILWAKE_NOG_URL: "https://nog",
      TAILWAKE_NOG_PROTOCOL: "connect",
      TAILWAKE_NOG_REGISTRIES: "one,two",
      TAILWAKE_ENGINE: "eager",
      TAILWAKE_NOG_TOKEN_SECRET: "tailwake/test/nog",
      TAILWAKE_NOG_TOKEN_FIELD: "nogToken",
    },
  },
  "cloudFormation()": {
    deploy(services) {
      const template = cloudFormation({
        settings: {
          ...chosen,
          name: "orders",
          whenTableIsDropped: "Retain",
          deletionProtection: true,
          tokenSecret: secretArn,
          tokenKey: keyArn,
          signalEvents: { source: ["orders"], "detail-type": ["OrderChanged"] },
        },
        include: ["eager", "own-signals"],
        code: (name) => ({ S3Bucket: `code-of-${name}`, S3Key: `${name}.zip` }),
        environment: { ORDERS_URL: "https://orders.example.org" },
      });
      return deployStack(services, "orders", template);
    },
    name: "orders",
    functions: ["lazy", "cron", "eager"],
    settings: chosen,
    secret: secretArn,
    key: keyArn,
    signalsGoDirectly: false,
    environment: { ORDERS_URL: "https://orders.example.org" },
  },
};
