import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
} from "@aws-sdk/client-iam";
import type { Readers } from "./reader.ts";

export const iamReaders: Readers = {
  async "AWS::IAM::Role"({ iam }, RoleName) {
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
    const Policies = await Promise.all(
      PolicyNames.map(async (PolicyName) => {
        const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
        return { PolicyName, PolicyDocument: document(PolicyDocument) };
      }),
    );
    const { AttachedPolicies = [] } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
    const ManagedPolicyArns = AttachedPolicies.map(({ PolicyArn }) => PolicyArn);
    const AssumeRolePolicyDocument = document(Role?.AssumeRolePolicyDocument);
    return { properties: { AssumeRolePolicyDocument, ManagedPolicyArns, Policies }, arn: Role?.Arn };
  },

  async "AWS::IAM::ManagedPolicy"({ iam }, PolicyArn) {
    const { Policy } = await iam.send(new GetPolicyCommand({ PolicyArn }));
    const VersionId = Policy?.DefaultVersionId;
    const { PolicyVersion } = await iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId }));
    return { properties: { PolicyDocument: document(PolicyVersion?.Document) }, arn: Policy?.Arn };
  },
};

/** A policy document, which IAM returns URL-encoded. */
function document(text: string | undefined): unknown {
  return JSON.parse(decodeURIComponent(String(text)));
}
