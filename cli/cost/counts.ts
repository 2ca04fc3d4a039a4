/** What something sends, as counted by test/cost: the services' requests, and what they bill of them. */
export interface Counts {
  /** By service, operation and, in the task table, what they are about. */
  readonly requests: Readonly<Record<string, number>>;
  /** DynamoDB's units, those of the indexes included. */
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly busEvents: number;
  /** Of our own log lines, rounded up to 100. */
  readonly logBytes: number;
  /** Of the lines of the log that are metrics, rounded up to 100. */
  readonly metricBytes: number;
}

/** What one leader after the other sends, over the time from the start of one to that of the next. */
export interface HeldPeriod {
  readonly seconds: number;
  /** Of all invocations that were under way meanwhile: a leader and its successor overlap. */
  readonly billedSeconds: number;
  readonly counts: Counts;
}

/** As last counted: test/cost/cost.test.ts counts again and compares. */
export const counted: {
  /** Runs, or tasks looked at, in each of the counts but those of the idle tick and the leaders. */
  readonly tasks: number;
  /** Signaled runs that catch up, by way and by how many signals are sent, and delivered, at once. */
  readonly wakes: Readonly<Record<"bus" | "direct", Readonly<Record<1 | 10, Counts>>>>;
  /** What a tick does for sleeping tasks that are due and have no news. */
  readonly probes: Counts;
  /** Cron tasks whose slot has come: what the tick does for them, and their runs. */
  readonly cronRuns: Counts;
  /** Nothing is due; two places are held, and a root is there. */
  readonly idleTick: Counts;
  readonly signals: HeldPeriod;
  /** With one task that has no events; `ofTask` is what of the counts is about it. */
  readonly shard: HeldPeriod & { readonly ofTask: Counts };
} = {
  tasks: 10,
  wakes: {
    bus: {
      1: {
        requests: {
          "DynamoDB GetItem, control document": 10,
          "DynamoDB Query, task": 10,
          "DynamoDB UpdateItem, task": 20,
          "EventBridge PutEvents": 10,
        },
        writeUnits: 20,
        readUnits: 20,
        busEvents: 10,
        logBytes: 3000,
        metricBytes: 8300,
      },
      10: {
        requests: {
          "DynamoDB GetItem, control document": 1,
          "DynamoDB Query, task": 10,
          "DynamoDB UpdateItem, task": 20,
          "EventBridge PutEvents": 1,
        },
        writeUnits: 20,
        readUnits: 11,
        busEvents: 10,
        logBytes: 3000,
        metricBytes: 1000,
      },
    },
    direct: {
      1: {
        requests: {
          "DynamoDB GetItem, control document": 10,
          "DynamoDB Query, task": 10,
          "DynamoDB UpdateItem, task": 20,
          "SQS SendMessageBatch": 10,
        },
        writeUnits: 20,
        readUnits: 20,
        busEvents: 0,
        logBytes: 3000,
        metricBytes: 8300,
      },
      10: {
        requests: {
          "DynamoDB GetItem, control document": 1,
          "DynamoDB Query, task": 10,
          "DynamoDB UpdateItem, task": 20,
          "SQS SendMessageBatch": 1,
        },
        writeUnits: 20,
        readUnits: 11,
        busEvents: 0,
        logBytes: 3000,
        metricBytes: 1000,
      },
    },
  },
  probes: {
    requests: {
      "DynamoDB GetItem, control document": 1,
      "DynamoDB GetItem, task": 10,
      "DynamoDB UpdateItem, task": 10,
    },
    writeUnits: 30,
    readUnits: 11,
    busEvents: 0,
    logBytes: 0,
    metricBytes: 0,
  },
  cronRuns: {
    requests: {
      "DynamoDB GetItem, control document": 1,
      "DynamoDB GetItem, task": 10,
      "DynamoDB UpdateItem, task": 30,
      "EventBridge PutEvents": 10,
    },
    writeUnits: 70,
    readUnits: 11,
    busEvents: 10,
    logBytes: 0,
    metricBytes: 800,
  },
  idleTick: {
    requests: {
      "DynamoDB GetItem, control document": 3,
      "DynamoDB GetItem, task": 1,
      "DynamoDB Query, due index": 32,
      "DynamoDB UpdateItem, control document": 1,
    },
    writeUnits: 1,
    readUnits: 20,
    busEvents: 0,
    logBytes: 300,
    metricBytes: 400,
  },
  signals: {
    seconds: 862,
    billedSeconds: 875.1,
    counts: {
      requests: {
        "DynamoDB GetItem, control document": 2,
        "DynamoDB UpdateItem, control document": 174,
        "EventBridge PutEvents": 1,
      },
      writeUnits: 174,
      readUnits: 2,
      busEvents: 1,
      logBytes: 500,
      metricBytes: 300,
    },
  },
  shard: {
    seconds: 882,
    billedSeconds: 892,
    counts: {
      requests: {
        "DynamoDB GetItem, control document": 350,
        "DynamoDB GetItem, task": 1,
        "DynamoDB Query, eager index": 4720,
        "DynamoDB UpdateItem, control document": 179,
        "DynamoDB UpdateItem, task": 2,
        "EventBridge PutEvents": 1,
      },
      writeUnits: 184,
      readUnits: 2711,
      busEvents: 1,
      logBytes: 500,
      metricBytes: 800,
    },
    ofTask: {
      requests: {
        "DynamoDB GetItem, task": 1,
        "DynamoDB UpdateItem, task": 2,
      },
      writeUnits: 5,
      readUnits: 1,
      busEvents: 0,
      logBytes: 0,
      metricBytes: 0,
    },
  },
};
