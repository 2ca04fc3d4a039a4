import type { Template } from "../../infra/index.ts";

/** Each metric of the dashboard, part by part: a dot stands for what is at its place in the line above. */
export function linesOfDashboard({ Resources }: Template): unknown[][] {
  const { widgets } = JSON.parse(String(Object(Resources.Dashboard?.Properties.DashboardBody)["Fn::Sub"]));
  return widgets.flatMap(({ properties }: { properties: { metrics?: unknown[][] } }) => {
    let above: unknown[] = [];
    return (properties.metrics ?? []).map((line) => {
      above = line.map((part, i) => (part === "." ? above[i] : part));
      return above;
    });
  });
}
