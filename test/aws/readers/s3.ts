import { GetBucketEncryptionCommand, GetBucketPolicyCommand } from "@aws-sdk/client-s3";
import type { Readers } from "./reader.ts";

export const s3Readers: Readers = {
  async "AWS::S3::Bucket"({ s3 }, Bucket) {
    const { ServerSideEncryptionConfiguration: found } = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    const ServerSideEncryptionConfiguration = found?.Rules?.map(({ ApplyServerSideEncryptionByDefault }) => ({
      ServerSideEncryptionByDefault: ApplyServerSideEncryptionByDefault,
    }));
    return { properties: { BucketEncryption: { ServerSideEncryptionConfiguration } } };
  },

  async "AWS::S3::BucketPolicy"({ s3 }, _, { Bucket }) {
    const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket: String(Bucket) }));
    return { properties: { Bucket, PolicyDocument: JSON.parse(String(Policy)) } };
  },
};
