import { type Clock, systemClock } from "../../functions/foundation/clock.ts";
import { EndpointServer } from "./endpoint-server.ts";
import { EventBridge } from "./eventbridge.ts";
import { eventBridgeOperations } from "./eventbridge-operations.ts";
import { Scheduler } from "./scheduler.ts";
import { schedulerOperations } from "./scheduler-operations.ts";
import { ServiceError } from "./service-error.ts";
import { Sqs } from "./sqs.ts";
import { sqsOperations } from "./sqs-operations.ts";
import { TargetDelivery, type UndeliveredEvent } from "./target-delivery.ts";

export interface AwsEndpointOptions {
  readonly clock?: Clock;
  /** A free port when absent. */
  readonly port?: number;
  /** Twelve digits; 123456789012 when absent. */
  readonly account?: string;
  /** us-east-1 when absent. */
  readonly region?: string;
  /** Runs a Lambda function that is the target of a rule or schedule. */
  readonly onLambda?: (functionName: string, event: unknown) => Promise<void>;
  /** Called with each event that neither its target nor a dead letter queue accepted. */
  readonly onUndelivered?: (event: UndeliveredEvent) => void;
  /** Schedules fire up to this many milliseconds later than due; 0 when absent, 60,000 on AWS. */
  readonly precisionMs?: number;
}

export interface AwsEndpoint {
  /** For SDK clients, as `endpoint` or in AWS_ENDPOINT_URL. */
  readonly url: string;
  readonly account: string;
  readonly region: string;
  readonly eventBridge: EventBridge;
  readonly sqs: Sqs;
  readonly scheduler: Scheduler;
  /** Makes the next `times` calls of an operation, such as `CreateSchedule`, fail as a whole. */
  failNextCall(
    operation: string,
    errorCode: string,
    fault?: { readonly status?: number; readonly times?: number },
  ): void;
  /** Stops schedules, long polls and the server; resolves when none of them runs any more. */
  close(): Promise<void>;
}

/** Starts EventBridge, SQS and EventBridge Scheduler on one port of 127.0.0.1, with their state in memory. */
export async function startAwsEndpoint(options: AwsEndpointOptions = {}): Promise<AwsEndpoint> {
  const { clock = systemClock, port = 0, account = "123456789012", region = "us-east-1", precisionMs = 0 } = options;
  if (!/^\d{12}$/.test(account)) throw new Error(`The account must have twelve digits, but is '${account}'.`);
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region))
    throw new Error(`The region must be like us-east-1, but is '${region}'.`);
  const accountRegion = { account, region };
  const server = new EndpointServer();
  const url = await server.listen(port);
  const sqs = new Sqs({ clock, accountRegion, baseUrl: url });
  const delivery = new TargetDelivery({
    sqs,
    ...(options.onLambda ? { onLambda: options.onLambda } : {}),
    ...(options.onUndelivered ? { onUndelivered: options.onUndelivered } : {}),
  });
  const eventBridge = new EventBridge({ clock, accountRegion, delivery });
  const scheduler = new Scheduler({ clock, accountRegion, eventBridge, delivery, precisionMs });
  server.serve({
    eventbridge: eventBridgeOperations(eventBridge),
    sqs: sqsOperations(sqs),
    scheduler: schedulerOperations(scheduler),
  });
  return {
    url,
    account,
    region,
    eventBridge,
    sqs,
    scheduler,
    failNextCall: (operation, errorCode, { status = 400, times = 1 } = {}) =>
      server.failNextCall(operation, new ServiceError(errorCode, `Injected ${errorCode}.`, status), times),
    close: async () => {
      await scheduler.close();
      sqs.close();
      await server.close();
      await delivery.idle();
    },
  };
}
