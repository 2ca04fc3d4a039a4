import { type Command, command } from "./command.ts";
import { doctor } from "./doctor/doctor.ts";
import { init } from "./init.ts";
import { explainNoBundler } from "./no-bundler.ts";
import { consoleCommand } from "./operate/console.ts";
import { cost } from "./operate/cost.ts";
import { events } from "./operate/events.ts";
import { ls } from "./operate/ls.ts";
import { pause, resume } from "./operate/pause.ts";
import { replay } from "./operate/replay.ts";
import { retry } from "./operate/retry.ts";
import { rewind, skipTo } from "./operate/rewind.ts";
import { show } from "./operate/show.ts";
import { start } from "./operate/start.ts";
import { status } from "./operate/status.ts";
import { top } from "./operate/top.ts";
import { wake } from "./operate/wake.ts";
import { why } from "./operate/why.ts";

const initCommand = command({
  name: "init",
  words: "NAME",
  says: "writes a project to begin with, in a new folder NAME",
  options: {},
  async run({ words: [name = ""], terminal: { folder, paper } }) {
    paper.block((await init(folder, name)).trimEnd());
    return 0;
  },
});

const packageCommand = command({
  name: "package",
  words: "",
  says: 'bundles each src/handlers/NAME.ts, which exports "handler", with everything inside, into a zip',
  options: {
    from: { value: "FOLDER", says: "the handlers, src/handlers if absent" },
    to: { value: "FOLDER", says: "the zips, .build/packages if absent" },
  },
  async run({ values: { from = "src/handlers", to = ".build/packages" }, terminal: { folder, paper } }) {
    const { packageFunctions } = await import("./package.ts").catch(explainNoBundler("package"));
    paper.block((await packageFunctions(folder, { from, to })).trimEnd());
    return 0;
  },
});

/** The table of commands, in the order in which `help` has them. */
export const commands: readonly Command[] = [
  initCommand,
  packageCommand,
  status,
  why,
  show,
  ls,
  events,
  top,
  start,
  wake,
  retry,
  pause,
  resume,
  rewind,
  skipTo,
  replay,
  doctor,
  consoleCommand,
  cost,
];
