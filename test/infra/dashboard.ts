import type { Template } from "../../infra/index.ts";

/** Each metric of the dashboard, part by part: a dot stands for what is at its place in the line above. */
export function linesOfDashboard({ Resources }: Template): unknown[][] {
  return linesOf(String(Object(Resources.Dashboard?.Properties.DashboardBody)["Fn::Sub"]));
}

/** The same of a dashboard as CloudWatch has it. */
export function linesOf(body: string): unknown[][] {
  const { widgets } = JSON.parse(body);
  return widgets.flatMap(({ properties }: { properties: { metrics?: unknown[][] } }) => {
    let above: unknown[] = [];
    return (properties.metrics ?? []).map((line) => {
      const { expression } = Object(line[0]);
      if (expression !== undefined) return searchedBy(String(expression));
      above = line.map((part, i) => (part === "." ? above[i] : part));
      return above;
    });
  });
}

/** What a search finds, as a line has it: namespace, name, then the dimensions that it names with their values. */
function searchedBy(expression: string): unknown[] {
  const [, inside = ""] = /^(?:SUM\()?SEARCH\('([^']+)', '\w+', 60\)\)?$/.exec(expression) ?? [];
  const [, namespace, dimensions = ""] = /^\{(\w+),([\w,]+)\}/.exec(inside) ?? [];
  const values = new Map([...inside.matchAll(/(\w+)="([^"]+)"/g)].map(([, name = "", value]) => [name, value]));
  return [namespace, values.get("MetricName"), ...dimensions.split(",").flatMap((name) => [name, values.get(name)])];
}
