/** The requests and units of one scenario, as counted by test/cost. */
export interface Counts {
  /** By service, operation and, for the task table, the item or index. */
  readonly requests: Readonly<Record<string, number>>;
  /** DynamoDB's units, including those of the indexes. */
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly busEvents: number;
  /** Bytes of our own log lines, rounded up to 100. */
  readonly logBytes: number;
  /** Bytes of the log lines that are metrics, rounded up to 100. */
  readonly metricBytes: number;
}

/** The requests of one leader, from its start to the start of the next. */
export interface LeaderPeriod {
  readonly seconds: number;
  /** Duration of all invocations in that time: a leader and its successor overlap. */
  readonly billedSeconds: number;
  readonly counts: Counts;
}

/** The last result: test/cost/cost.test.ts counts again and compares. */
export const counted: {
  /** Number of runs or checked tasks in each count, except the idle tick and the leaders. */
  readonly tasks: number;
  /** Runs that catch up on a signal, by way and by batch size. */
  readonly wakes: Readonly<Record<"bus" | "direct", Readonly<Record<1 | 10, Counts>>>>;
  /** A tick that checks sleeping tasks that are due and have no news. */
  readonly probes: Counts;
  /** Cron tasks whose slot has come: the tick and their runs. */
  readonly cronRuns: Counts;
  /** Nothing is due; two leaderships and one root exist. */
  readonly idleTick: Counts;
  readonly signals: LeaderPeriod;
  /** With one task that has no events; `ofTask` is the part of the counts that concerns it. */
  readonly shard: LeaderPeriod & { readonly ofTask: Counts };
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
