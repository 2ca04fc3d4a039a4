import { writeFileSync } from "node:fs";
import { cloudFormation } from "tailwake/infra";

const template = cloudFormation({
  settings: {
    name: "orders-prod",
    whenTableIsDropped: "Retain",
    deletionProtection: true,
    signalEvents: { source: ["orders"], "detail-type": ["OrderChanged"] },
  },
  include: ["own-signals"],
  code: (name) => `.build/packages/${name}.zip`,
  environment: { ORDERS_URL: "https://orders.example.org" },
});
writeFileSync("template.json", JSON.stringify(template, undefined, 2));
