import { writeFileSync } from "node:fs";
import { cloudFormation } from "tailwake/infra";

const template = cloudFormation({
  settings: {
    name: "orders-prod",
    whenTableIsDropped: "Retain",
    deletionProtection: true,
    alarmTopic: "arn:aws:sns:us-east-1:123456789012:alarms",
    signalEvents: { source: ["orders"], "detail-type": ["OrderChanged"] },
  },
  include: ["own-signals"],
  code: (name) => `.build/packages/${name}.zip`,
  environment: { ORDERS_URL: "https://orders.example.org" },
});
writeFileSync("template.json", JSON.stringify(template, undefined, 2));
