import {
  GetEventSourceMappingCommand,
  GetFunctionCommand,
  GetFunctionEventInvokeConfigCommand,
  GetPolicyCommand,
} from "@aws-sdk/client-lambda";
import type { Readers } from "./reader.ts";

export const lambdaReaders: Readers = {
  async "AWS::Lambda::Function"({ lambda }, FunctionName, { Code }) {
    const { Configuration: found = {}, Concurrency } = await lambda.send(new GetFunctionCommand({ FunctionName }));
    const { Description, Handler, Runtime, Architectures, MemorySize, Timeout, Role, Environment } = found;
    const settings = { Description, Handler, Runtime, Architectures, MemorySize, Timeout, Role };
    const { ReservedConcurrentExecutions } = Concurrency ?? {};
    // Lambda does not return the location of the code.
    return {
      properties: { Code, FunctionName: found.FunctionName, ...settings, Environment, ReservedConcurrentExecutions },
      arn: found.FunctionArn,
    };
  },

  async "AWS::Lambda::EventSourceMapping"({ lambda }, UUID) {
    const found = await lambda.send(new GetEventSourceMappingCommand({ UUID }));
    const { EventSourceArn, FunctionArn: FunctionName, BatchSize, FunctionResponseTypes, ScalingConfig } = found;
    return { properties: { EventSourceArn, FunctionName, BatchSize, FunctionResponseTypes, ScalingConfig } };
  },

  async "AWS::Lambda::Permission"({ lambda }, _, { FunctionName }) {
    const { Policy } = await lambda.send(new GetPolicyCommand({ FunctionName: String(FunctionName) }));
    const [statement, ...more] = JSON.parse(String(Policy)).Statement;
    if (more.length > 0) throw new Error(`permissions of ${FunctionName}: expected one, received ${more.length + 1}`);
    const { Action, Principal, Resource, Condition } = statement;
    const SourceArn = Condition.ArnLike["AWS:SourceArn"];
    return { properties: { FunctionName: Resource, Action, Principal: Principal.Service, SourceArn } };
  },

  async "AWS::Lambda::EventInvokeConfig"({ lambda }, _, { FunctionName }) {
    const command = new GetFunctionEventInvokeConfigCommand({ FunctionName: String(FunctionName) });
    const { FunctionArn = "", MaximumEventAgeInSeconds, MaximumRetryAttempts } = await lambda.send(command);
    const [name, Qualifier] = FunctionArn.split(":").slice(6);
    return { properties: { FunctionName: name, Qualifier, MaximumEventAgeInSeconds, MaximumRetryAttempts } };
  },
};
