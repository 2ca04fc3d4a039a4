import { parseTaskName } from "../../functions/tasks/record.ts";
import type { Survey } from "../messages.ts";
import { linkToTask } from "./route.ts";
import { Table } from "./table.tsx";
import { Text, Time } from "./text.tsx";

export function Actions({ actions }: { readonly actions: Survey["actions"] }) {
  return (
    <>
      <h1 tabIndex={-1}>Operators' actions</h1>
      {actions.length === 0 ? (
        <p class="empty">
          No operator has acted yet. The last 50 actions of the console and the command line are listed here.
        </p>
      ) : (
        <Table label="Operators' actions, the last one first" columns={["When", "Who", "What", "Of", "Why"]}>
          {actions.map(({ at, by, action, target, reason }) => (
            <tr key={`${at} ${action} ${target}`}>
              <td>
                <Time at={at} />
              </td>
              <td>
                <Text of={by} />
              </td>
              <td>
                <Text of={action} />
              </td>
              <th scope="row">
                {parseTaskName(target) ? (
                  <a href={linkToTask(target)}>
                    <Text of={target} max={160} />
                  </a>
                ) : (
                  <Text of={target} max={160} />
                )}
              </th>
              <td>
                <Text of={reason} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}
