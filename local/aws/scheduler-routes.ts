import type { JsonObject } from "./request-fields.ts";
import { InvalidField } from "./service-error.ts";

export interface RoutedRequest {
  /** Name of the operation in the API model. */
  readonly operation: string;
  /** Path and query parameters under the names of the operation's input fields. */
  readonly parameters: JsonObject;
}

/** The REST bindings of the EventBridge Scheduler API by method and path, without the resource's name. */
const routes: Readonly<Record<string, string>> = {
  "POST /schedules/*": "CreateSchedule",
  "PUT /schedules/*": "UpdateSchedule",
  "GET /schedules/*": "GetSchedule",
  "DELETE /schedules/*": "DeleteSchedule",
  "GET /schedules": "ListSchedules",
  "POST /schedule-groups/*": "CreateScheduleGroup",
  "GET /schedule-groups/*": "GetScheduleGroup",
  "DELETE /schedule-groups/*": "DeleteScheduleGroup",
  "GET /schedule-groups": "ListScheduleGroups",
};

const queryFields: Readonly<Record<string, string>> = {
  groupName: "GroupName",
  ScheduleGroup: "GroupName",
  clientToken: "ClientToken",
};

/** The operation a request asks for; undefined when its path is not one of this API. */
export function routeSchedulerRequest(method: string, url: URL): RoutedRequest | undefined {
  const [, collection, encodedName] = /^\/([a-z-]+)(?:\/([^/]+))?\/?$/.exec(url.pathname) ?? [];
  const operation = routes[`${method} /${collection}${encodedName === undefined ? "" : "/*"}`];
  if (operation === undefined) return undefined;
  const parameters: Record<string, unknown> = {};
  if (encodedName !== undefined) parameters.Name = decodeName(encodedName);
  for (const [name, value] of url.searchParams) {
    parameters[queryFields[name] ?? name] = name === "MaxResults" ? Number(value) : value;
  }
  return { operation, parameters };
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new InvalidField("invalid", `The name '${encoded}' in the path is not well encoded.`);
  }
}
