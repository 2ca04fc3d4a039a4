/** An error that a service returns; `code` is the name of the exception in the service's API model. */
export class ServiceError extends Error {
  readonly code: string;
  /** HTTP status of the answer. */
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = "ServiceError";
    this.code = code;
    this.status = status;
  }
}

/** A request field that is missing or breaks its constraint; each service has its own exception for it. */
export class InvalidField extends Error {
  readonly reason: "missing" | "invalid";

  constructor(reason: "missing" | "invalid", message: string) {
    super(message);
    this.name = "InvalidField";
    this.reason = reason;
  }
}

/** A body that is not JSON, or a field whose JSON type differs from the API model. */
export function serializationError(message: string): ServiceError {
  return new ServiceError("SerializationException", message);
}
