import { create } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { RepoEventsOSchema, type Repos, RepoWorkflowEventsOSchema } from "../../functions/nog/gen/nogfso/repos_pb.ts";
import type { Access } from "./access.ts";
import { type StreamSettings, streamEvents } from "./event-stream.ts";
import { repoDoesNotOwn, wrapping } from "./fault.ts";
import { equalIds } from "./ids.ts";
import { parseAfter, parseRepoId, parseWorkflowId } from "./request-field.ts";

/** The event streams of service `nogfso.Repos`; `GetRepo` answers Unimplemented. */
export function reposService(settings: StreamSettings, access: Access): Partial<ServiceImpl<typeof Repos>> {
  const { domain } = settings;

  function checkRepo(context: HandlerContext, field: Uint8Array): Uint8Array {
    access.authenticate(context);
    const id = parseRepoId(field);
    const { state } = wrapping("repos error: ", () => domain.repos.find(id));
    access.authorize({ action: "fso/read-repo", path: state.info.globalPath });
    return id;
  }

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
