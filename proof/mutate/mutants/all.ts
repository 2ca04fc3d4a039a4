import { children } from "./children.ts";
import { commits } from "./commits.ts";
import { due } from "./due.ts";
import { leases } from "./leases.ts";
import type { Mutant } from "./mutant.ts";
import { refused } from "./refused.ts";
import { texts } from "./texts.ts";
import { wakes } from "./wakes.ts";

/** Every rule of the protocol that is code, broken, one at a time. */
export const mutants: readonly Mutant[] = [...commits, ...leases, ...due, ...wakes, ...children, ...refused, ...texts];
