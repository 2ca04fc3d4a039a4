/** An error a service answers with: `code` is the name of the exception in the service's API model. */
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

/** A request field that is missing or breaks its constraint; every service has its own exception for this. */
export class InvalidField extends Error {
  readonly reason: "missing" | "invalid";

  constructor(reason: "missing" | "invalid", message: string) {
    super(message);
    this.name = "InvalidField";
    this.reason = reason;
  }
}

/** A body that is not the JSON, or a field that is not of the JSON type, which the API model asks for. */
export function serializationError(message: string): ServiceError {
  return new ServiceError("SerializationException", message);
}
