import { startDatabase } from "../support/dynamodb.ts";
import { testDynamo } from "./dynamodb.suite.ts";

testDynamo("DynamoDB", startDatabase);
