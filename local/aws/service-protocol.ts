import type { Operations } from "./operation.ts";
import type { JsonObject } from "./request-fields.ts";
import { routeSchedulerRequest } from "./scheduler-routes.ts";
import { InvalidField, ServiceError } from "./service-error.ts";
import { sqsQueryError } from "./sqs-errors.ts";

export type ServiceName = "eventbridge" | "sqs" | "scheduler";

/** How one service names its operations and writes its answers. */
export interface ServiceProtocol {
  readonly service: ServiceName;
  readonly contentType: string;
  /** Namespace of the exceptions' shape ids. */
  readonly namespace: string;
  /** Name of the message's field in an exception. */
  readonly messageField: "message" | "Message";
  /** The exception for a missing or invalid field. */
  readonly fieldError: (error: InvalidField) => ServiceError;
  /** Headers that name an exception by its code. */
  readonly errorHeaders: (code: string) => Readonly<Record<string, string>>;
}

export interface Call {
  readonly protocol: ServiceProtocol;
  readonly operation: string;
  /** Fields from the path and query. */
  readonly parameters: JsonObject;
}

export type ServiceOperations = Readonly<Record<ServiceName, Operations>>;

function validationError(error: InvalidField): ServiceError {
  return new ServiceError("ValidationException", error.message);
}

const eventBridgeProtocol: ServiceProtocol = {
  service: "eventbridge",
  contentType: "application/x-amz-json-1.1",
  namespace: "com.amazonaws.eventbridge",
  messageField: "message",
  fieldError: validationError,
  errorHeaders: () => ({}),
};

const sqsProtocol: ServiceProtocol = {
  service: "sqs",
  contentType: "application/x-amz-json-1.0",
  namespace: "com.amazonaws.sqs",
  messageField: "message",
  fieldError: ({ reason, message }) =>
    new ServiceError(reason === "missing" ? "MissingParameter" : "InvalidParameterValue", message),
  errorHeaders: (code) => ({ "x-amzn-query-error": sqsQueryError(code) }),
};

const schedulerProtocol: ServiceProtocol = {
  service: "scheduler",
  contentType: "application/json",
  namespace: "com.amazonaws.scheduler",
  messageField: "Message",
  fieldError: validationError,
  errorHeaders: (code) => ({ "x-amzn-errortype": code }),
};

const rpcPrefixes: Readonly<Record<string, ServiceProtocol>> = {
  AWSEvents: eventBridgeProtocol,
  AmazonSQS: sqsProtocol,
};

/** Finds the called operation: from `x-amz-target` for AWS JSON 1.x, from method and path for REST JSON. */
export function callOf(method: string, url: URL, target: string | undefined): Call {
  if (target !== undefined) {
    const [prefix = "", operation = ""] = target.split(".");
    const protocol = Object.hasOwn(rpcPrefixes, prefix) ? rpcPrefixes[prefix] : undefined;
    if (protocol && method === "POST") return { protocol, operation, parameters: {} };
    throw new ServiceError("UnknownOperationException", `No service accepts ${method} for '${target}'.`);
  }
  const routed = routeSchedulerRequest(method, url);
  if (routed) return { protocol: schedulerProtocol, ...routed };
  throw new ServiceError("UnknownOperationException", `No endpoint for ${method} ${url.pathname}.`, 404);
}

/** Converts anything that an operation threw into the service's own exception. */
export function serviceErrorOf(error: unknown, protocol: ServiceProtocol | undefined): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof InvalidField) return (protocol?.fieldError ?? validationError)(error);
  return new ServiceError("InternalFailure", error instanceof Error ? error.message : String(error), 500);
}
