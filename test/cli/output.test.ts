import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linesThatDiffer } from "../../cli/operate/line-diff.ts";
import { Output } from "../../cli/print/output.ts";
import { cutTo, printable, printableJson, unescaped, widthOf } from "../../cli/print/printable.ts";
import { defineProcessor } from "../../functions/contract/activity.ts";
import { lazy } from "../../functions/engines/binding.ts";
import { startTask } from "../../functions/run/start.ts";
import { thing } from "../support/world.ts";
import { printers } from "./printers.ts";
import { type } from "./typed.ts";

/** What a terminal would act on, or show otherwise than it stands there; our own line ends are not in it. */
const harmful = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const hostile = "\u001b[2J\u001b]0;title\u0007\r\nok\u009b1A\u202egnp\u2066\u200b\u2028\ud800\u007f";

function printed(write: (output: Output) => void, { columns = 100, colour = false } = {}): string {
  let text = "";
  write(
    new Output(
      (more) => {
        text += more;
      },
      { columns, colour },
    ),
  );
  return text;
}

describe("what is printed", () => {
  it("never has a character that moves the cursor or turns the text, whatever comes from outside", () => {
    fc.assert(
      fc.property(fc.oneof(fc.constant(hostile), fc.string({ unit: "binary", maxLength: 50 })), (text) => {
        expect(printable(text)).not.toMatch(harmful);
        const out = printed((output) => {
          output.line(text);
          output.block(text);
          output.pairs([[text, text]]);
          output.table([{ title: "A" }, { title: "B", cut: true }], [[text, text]]);
          output.json({ [text]: text });
        });
        expect(out.replaceAll("\n", "")).not.toMatch(harmful);
      }),
    );
  });

  it("can be typed as it stands there", () => {
    expect(printable("a\u001bb")).toBe("a\\u{1b}b");
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => unescaped(printable(text)) === text));
    expect(unescaped("\\u{ffffff}")).toBe("\\u{ffffff}");
  });

  it("means the same as JSON", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => JSON.parse(printableJson({ text })).text === text));
  });

  it("is coloured only if it may be, and by nothing that is printed", () => {
    expect(printed((output) => output.line("a\u001b[1m", "red"), { colour: true })).toBe(
      "\u001b[31ma\\u{1b}[1m\u001b[39m\n",
    );
    expect(printed((output) => output.line("a", "red"))).toBe("a\n");
  });

  it("takes as many columns as a terminal gives it", () => {
    for (const [text, width] of [
      ["abc", 3],
      ["日本", 4],
      ["é", 1],
      ["e\u0301", 1],
      ["🙂", 2],
    ] as const) {
      expect(widthOf(text)).toBe(width);
    }
    expect(cutTo("日本語", 4)).toBe("日…");
    expect(cutTo("abc", 3)).toBe("abc");
  });
});

describe("a table", () => {
  const columns = [{ title: "TASK" }, { title: "N", right: true }, { title: "ERROR", cut: true }] as const;
  const rows = [
    ["thing/reader@one", "1", "it is on fire, and nobody knows since when"],
    ["thing/reader@two", "10", "日本語"],
  ];

  it("fits the terminal, and cuts no name", () => {
    expect(printed((output) => output.table(columns, rows), { columns: 40 })).toBe(
      [
        "TASK               N  ERROR",
        "thing/reader@one   1  it is on fire, an…",
        "thing/reader@two  10  日本語",
        "",
      ].join("\n"),
    );
    for (const width of [1, 20, 30]) {
      expect(printed((output) => output.table(columns, rows), { columns: width })).toContain(
        "thing/reader@one   1  it is o…\n",
      );
    }
  });

  it("cuts the widest column first", () => {
    const two = [
      { title: "A", cut: true },
      { title: "B", cut: true },
    ];
    const out = printed((output) => output.table(two, [["x".repeat(30), "y".repeat(12)]]), { columns: 30 });
    expect(out.split("\n")[1]).toBe(`${"x".repeat(15)}…  ${"y".repeat(12)}`);
  });
});

describe("lines that differ", () => {
  it("are those that only one text has, in order", () => {
    expect(linesThatDiffer("a\nb\nc\nd", "a\nx\nc\nd\ne")).toEqual(["- b", "+ x", "+ e"]);
    expect(linesThatDiffer("a", "a")).toEqual([]);
    const long = (by: string) => Array.from({ length: 3_000 }, (_, i) => `${by}${i}`).join("\n");
    expect(linesThatDiffer(long("a"), long("b"))).toHaveLength(6_000);
  });
});

describe("hostile text in every field", () => {
  it("is printed harmlessly by all commands that look, and a task of that name can be typed", async () => {
    const angry = defineProcessor(thing, {
      name: "angry",
      parkAfterAttempts: 1,
      processEvents: async () => {
        throw new Error(hostile);
      },
    });
    const world = await printers({ more: [lazy(angry)] });
    // No key has half of a character.
    const entity = hostile.replace("\ud800", "");
    world.append(entity, "e1");
    await startTask(world.ports, angry, { thingId: entity });
    await world.drain();
    const note = { reason: hostile.replace("\ud800", ""), by: "\u001b[31mkim" };
    await world.desk.operators.pause(await world.desk.find(entity), note);
    await world.desk.operators.pauseUpstream("things", note);
    const typedName = printable(`thing/angry@${entity}`);
    for (const args of [
      ["status"],
      ["why", typedName],
      ["show", typedName],
      ["ls"],
      ["ls", "--sort", "lag"],
      ["events", typedName],
      ["replay", typedName, "--dry"],
      ["pause", typedName, "--dry-run"],
      ["rewind", typedName, "--to", hostile, "--dry-run"],
      ["why", `${entity}x`],
      [hostile],
      ["ls", `--${hostile}`],
    ]) {
      for (const json of [[], ["--json"]]) {
        const { out, err } = await type([...args, ...json], { desk: world.desk });
        expect(out + err).not.toBe("");
        expect((out + err).replaceAll("\n", ""), args.join(" ")).not.toMatch(harmful);
      }
    }
    expect((await type(["why", typedName], { desk: world.desk })).out).toContain("An operator paused it");
  });
});
