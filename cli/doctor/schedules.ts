import { GetScheduleCommand, GetScheduleGroupCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { check, type Finding, Fix, is } from "./check.ts";

/** Checks the schedule group and the schedule of the tick in it. */
export async function checkSchedules(group: string): Promise<Finding[]> {
  const client = new SchedulerClient({});
  try {
    return await Promise.all([
      check("schedule group", "scheduler:GetScheduleGroup", async () => {
        const found = await client.send(new GetScheduleGroupCommand({ Name: group })).catch(orMissing("the group"));
        is(found.State === "ACTIVE", `${group} is ${found.State}`);
        return group;
      }),
      check("schedule of the tick", "scheduler:GetSchedule", async () => {
        const found = await client
          .send(new GetScheduleCommand({ Name: "tick", GroupName: group }))
          .catch(orMissing("schedule tick"));
        is(found.State === "ENABLED", `it is ${found.State}: enable schedule tick in group ${group}`);
        const every = found.ScheduleExpression;
        is(every === "rate(1 minute)", `expected rate(1 minute), received ${every}: deploy infra/schedules.yml`);
        return "every minute";
      }),
    ]);
  } finally {
    client.destroy();
  }
}

const orMissing = (what: string) => (error: Error) => {
  if (error.name !== "ResourceNotFoundException") throw error;
  throw new Fix(`${what} does not exist: deploy infra/schedules.yml`);
};
