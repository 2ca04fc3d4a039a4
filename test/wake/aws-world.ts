import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SchedulerClient } from "@aws-sdk/client-scheduler";
import { expect, onTestFinished, vi } from "vitest";
import type { Clock } from "../../functions/foundation/clock.ts";
import { decodeBusEvent, ownMessage } from "../../functions/wake/envelope.ts";
import { EventBridgeAlarms } from "../../functions/wake/eventbridge.ts";
import type { WakeMessage } from "../../functions/wake/wake.ts";
import { type AwsEndpoint, startAwsEndpoint } from "../../local/aws/endpoint.ts";
import { type ClientSettings, type Deployment, deploy, names } from "../../local/deployment.ts";
import { settle, TestClock } from "../support/test-clock.ts";
import type { TimedWakesWorld } from "./wakes.suite.ts";

export interface AwsWorld extends TimedWakesWorld {
  readonly aws: AwsEndpoint;
  readonly deployment: Deployment;
  readonly alarms: EventBridgeAlarms;
  /** The details of the entries of each PutEvents call that reached the service. */
  readonly calls: (string | undefined)[][];
  /** The clock as adapters see it: it notes how long they waited each time, in milliseconds. */
  readonly noting: Clock;
  readonly waits: number[];
  /** For clients of the services. */
  readonly settings: ClientSettings;
}

/** The adapter with the SDK's own clients, against the services as they are deployed; ended with the test. */
export async function startAwsWorld(options: { readonly maxAttempts?: number } = {}): Promise<AwsWorld> {
  const clock = new TestClock();
  const aws = await startAwsEndpoint({ clock });
  const settings = {
    endpoint: aws.url,
    region: aws.region,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const clients = {
    events: new EventBridgeClient({ ...settings, ...options }),
    scheduler: new SchedulerClient(settings),
  };
  onTestFinished(async () => {
    clients.events.destroy();
    clients.scheduler.destroy();
    await aws.close();
    expect(clock.sleeping).toBe(0);
  });
  const deployment = await deploy(aws, settings);
  const { busArn, scheduleRoleArn } = deployment;
  const waits: number[] = [];
  const sleep = (ms: number, signal?: AbortSignal) => {
    waits.push(ms);
    return clock.sleep(ms, signal);
  };
  const noting: Clock = { now: () => clock.now(), sleep };
  const alarms = new EventBridgeAlarms(
    clients,
    { busName: names.bus, busArn, scheduleGroup: names.scheduleGroup, scheduleRoleArn },
    noting,
    () => 0.5,
  );
  const calls: AwsWorld["calls"] = [];
  const putEvents = aws.eventBridge.putEvents.bind(aws.eventBridge);
  vi.spyOn(aws.eventBridge, "putEvents").mockImplementation((entries) => {
    calls.push(entries.map(({ detail }) => detail));
    return putEvents(entries);
  });
  /** As the lazy function's two event sources. */
  async function take() {
    const taken: WakeMessage[] = [];
    for (const queue of [deployment.wakes, deployment.delay]) {
      for (;;) {
        const received = await queue.receive({ max: 10, waitMs: 0 });
        if (received.length === 0) break;
        for (const { body, receiptHandle } of received) {
          const message = ownMessage(decodeBusEvent(body));
          if (message) taken.push(message);
          queue.delete(receiptHandle);
        }
      }
    }
    return taken;
  }
  return { aws, settings, deployment, alarms, calls, waits, clock, noting, take };
}

/** Lets time pass for as long as `work` waits for it. */
export async function passingTime(clock: TestClock, work: Promise<unknown>): Promise<void> {
  const others = clock.sleeping;
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  const over = work.then(end, end);
  while (!isOver) {
    if (clock.sleeping > others) await clock.advance(10);
    else await settle();
  }
  await over;
}
