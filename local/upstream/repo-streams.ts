import { create } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { RepoEventsOSchema, type Repos, RepoWorkflowEventsOSchema } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { Access } from "./access.ts";
import { type StreamSettings, streamEvents } from "./event-stream.ts";
import { repoDoesNotOwn } from "./fault.ts";
import { equalIds } from "./ids.ts";
import { checkedRepo } from "./repo-access.ts";
import { parseAfter, parseWorkflowId } from "./request-field.ts";

/** The event streams of service `nogfso.Repos`. */
export function repoStreams(
  settings: StreamSettings,
  access: Access,
): Pick<ServiceImpl<typeof Repos>, "events" | "workflowEvents"> {
  const { domain } = settings;

  const checkRepo = (context: HandlerContext, field: Uint8Array) =>
    checkedRepo(domain, access, context, "fso/read-repo", field).id;

  return {
    events(request, context) {
      const { repo } = request;
      return streamEvents(settings, context, {
        log: domain.logs.repo,
        history: checkRepo(context, repo),
        after: parseAfter(request.after),
        watch: request.watch,
        start: "loud",
        errorPrefix: "repo journal error: ",
        message: (events) => create(RepoEventsOSchema, { repo, events }),
        willBlock: () => create(RepoEventsOSchema, { repo, willBlock: true }),
      });
    },

    workflowEvents(request, context) {
      const { repo, workflow } = request;
      const id = checkRepo(context, repo);
      return streamEvents(settings, context, {
        log: domain.logs.workflow,
        history: parseWorkflowId(workflow),
        after: parseAfter(request.after),
        watch: request.watch,
        start: {
          checkFirst: (event) => {
            if (!equalIds(event.repoId, id)) throw repoDoesNotOwn();
          },
        },
        errorPrefix: "workflow journal error: ",
        message: (events) => create(RepoWorkflowEventsOSchema, { repo, workflow, events }),
        willBlock: () => create(RepoWorkflowEventsOSchema, { repo, workflow, willBlock: true }),
      });
    },
  };
}
