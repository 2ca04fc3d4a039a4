import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { Recorded } from "../../functions/contract/stream.ts";
import { PingRegistry } from "../../functions/nog/gen/nogfso/ping-registry_pb.ts";
import { DiskUsage } from "../../functions/nog/gen/nogfso/registry_pb.ts";
import {
  WorkflowEvent_Type as Type,
  type WorkflowEvent,
  type WorkflowEventSchema,
} from "../../functions/nog/gen/nogfso/workflows_pb.ts";
import { ulidText } from "../../functions/nog/ids.ts";
import { registryWorkflow } from "../../functions/nog/index.ts";
import { eventIdText, read, registryId, ulid, uuid, workflowEvent, workflowId } from "./messages.ts";

type Fields = Omit<Extract<MessageInitShape<typeof WorkflowEventSchema>, { $typeName?: never }>, "event" | "id">;

export const startedAtMs = 1_700_000_000_000;

/** One workflow as nog's server keeps it, with its version checks and its refusals. */
export class WorkflowServer {
  readonly events: WorkflowEvent[] = [];
  /** Each call in order, as `name(version that it builds on)`. */
  readonly calls: string[] = [];
  /** Runs before a call is answered. */
  beforeCall: (name: string) => void | Promise<void> = () => {};
  /** Accepts this many paths of the next append, then fails. */
  acceptOnly = Number.POSITIVE_INFINITY;

  startPing(): this {
    this.record(Type.EV_FSO_PING_REGISTRY_STARTED, { registryId: uuid(registryId) });
    return this;
  }

  startDu(hostRoot: string, globalRoot = "/ex"): this {
    const fsoRootInfo = { globalRoot, host: "h.example.org", hostRoot };
    this.record(Type.EV_FSO_DU_ROOT_STARTED, { registryId: uuid(registryId), fsoRootInfo });
    return this;
  }

  record(event: number, fields: Fields = {}): Uint8Array {
    const id = ulid(this.events.length + 1, startedAtMs);
    this.events.push(workflowEvent({ ...fields, event, id }));
    return id;
  }

  history(): readonly Recorded<unknown>[] {
    return read(registryWorkflow, this.events);
  }

  /** The lines of the du workflow, as path and usage, in the order of their events. */
  lines(): (readonly [string, bigint])[] {
    return this.events.flatMap(({ pathDiskUsage: line }) => (line === undefined ? [] : [[line.path, line.usage]]));
  }

  private get vid(): string {
    return eventIdText(this.events.length, startedAtMs);
  }

  private has(...types: number[]): boolean {
    return this.events.some(({ event }) => types.includes(event));
  }

  private async begin(name: string, workflow: Uint8Array, vid: Uint8Array): Promise<void> {
    await this.beforeCall(name);
    const version = vid.length === 0 ? "any" : ulidText(vid, "vid");
    this.calls.push(`${name}(${version === this.vid ? "current" : version})`);
    if (Buffer.compare(workflow, uuid(workflowId)) !== 0) throw new ConnectError("uninitialized", Code.Unknown);
    if (version !== "any" && version !== this.vid) {
      throw new ConnectError(`version conflict: stored VID ${this.vid} != expected VID ${version}`, Code.Unknown);
    }
  }

  readonly routes = (router: ConnectRouter): void => {
    const summarized = () => this.has(Type.EV_FSO_SERVER_PINGS_GATHERED, Type.EV_FSO_PING_REGISTRY_COMPLETED);
    const post = async (name: string, event: number, i: PingCall) => {
      await this.begin(name, i.workflow, i.workflowVid);
      if (summarized()) throw new ConnectError("command conflicts with aggregate state", Code.FailedPrecondition);
      return { workflowVid: this.record(event, { statusCode: i.statusCode, statusMessage: i.statusMessage }) };
    };
    router.service(PingRegistry, {
      serverPing: (i) => post("serverPing", Type.EV_FSO_SERVER_PINGED, i),
      postServerPingSummary: (i) => post("postServerPingSummary", Type.EV_FSO_SERVER_PINGS_GATHERED, i),
    });

    const refuseIf = (...types: number[]) => {
      if (this.has(...types)) throw new ConnectError("command conflicts with current state", Code.Unknown);
    };
    router.service(DiskUsage, {
      appendDuRoot: async (i) => {
        await this.begin("appendDuRoot", i.workflow, i.workflowVid);
        refuseIf(Type.EV_FSO_DU_ROOT_COMPLETED);
        for (const pathDiskUsage of i.paths) {
          if (this.acceptOnly-- <= 0) throw new ConnectError("connection lost", Code.Unavailable);
          this.record(Type.EV_FSO_DU_UPDATED, { pathDiskUsage });
        }
        return { workflowVid: ulid(this.events.length, startedAtMs) };
      },
      commitDuRoot: async (i) => {
        await this.begin("commitDuRoot", i.workflow, i.workflowVid);
        refuseIf(Type.EV_FSO_DU_ROOT_COMMITTED);
        const { statusCode, statusMessage } = i;
        if (!this.has(Type.EV_FSO_DU_ROOT_COMPLETED)) {
          this.record(Type.EV_FSO_DU_ROOT_COMPLETED, { statusCode, statusMessage });
        }
        return { workflowVid: this.record(Type.EV_FSO_DU_ROOT_COMMITTED) };
      },
    });
  };
}

interface PingCall {
  readonly workflow: Uint8Array;
  readonly workflowVid: Uint8Array;
  readonly statusCode: number;
  readonly statusMessage: string;
}
