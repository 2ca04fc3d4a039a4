import type { EngineName } from "../tasks/record.ts";
import { cronRules } from "./cron.ts";
import { eagerRules } from "./eager.ts";
import type { EngineRules } from "./engine.ts";
import { lazyRules } from "./lazy.ts";

const rules: { readonly [N in EngineName]: EngineRules } = { lazy: lazyRules, cron: cronRules, eager: eagerRules };

export const rulesOf = (engine: EngineName): EngineRules => rules[engine];
