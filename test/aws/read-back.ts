import { cloudWatchReaders } from "./readers/cloudwatch.ts";
import { dynamoReaders } from "./readers/dynamodb.ts";
import { eventReaders } from "./readers/eventbridge.ts";
import { iamReaders } from "./readers/iam.ts";
import { lambdaReaders } from "./readers/lambda.ts";
import type { Readers } from "./readers/reader.ts";
import { s3Readers } from "./readers/s3.ts";
import { schedulerReaders } from "./readers/scheduler.ts";
import { sqsReaders } from "./readers/sqs.ts";
import type { Services } from "./services.ts";
import type { Properties } from "./stand-ins.ts";

const readers: Readers = {
  ...s3Readers,
  ...dynamoReaders,
  ...eventReaders,
  ...sqsReaders,
  ...lambdaReaders,
  ...iamReaders,
  ...cloudWatchReaders,
  ...schedulerReaders,
};

/** Reads a resource back from its service. */
export function readBack(services: Services, type: string, physicalId: string, intended: Properties) {
  const reader = readers[type];
  if (reader === undefined) throw new Error(`${type}: expected one of ${Object.keys(readers).join(", ")}`);
  return reader(services, physicalId, intended);
}
