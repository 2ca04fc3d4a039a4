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
  positionals: "NAME",
  description: "create a new project in the folder NAME",
  options: {},
  async run({ positionals: [name = ""], terminal: { folder, stdout } }) {
    stdout.block((await init(folder, name)).trimEnd());
    return 0;
  },
});

const packageCommand = command({
  name: "package",
  positionals: "",
  description: 'bundle each src/handlers/NAME.ts, which exports "handler", with its dependencies into a zip',
  options: {
    from: { value: "FOLDER", description: "folder of the handlers; default: src/handlers" },
    to: { value: "FOLDER", description: "folder of the zips; default: .build/packages" },
  },
  async run({ values: { from = "src/handlers", to = ".build/packages" }, terminal: { folder, stdout } }) {
    const { packageFunctions } = await import("./package.ts").catch(explainNoBundler("package"));
    stdout.block((await packageFunctions(folder, { from, to })).trimEnd());
    return 0;
  },
});

/** All commands, in the order of `help`. */
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
