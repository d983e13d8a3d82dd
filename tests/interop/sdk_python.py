#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""boto3 as a client: one client, one kept connection, as in a program that invokes functions."""
import interop
from interop import harness
from sdk import check_client

PROGRAM = r"""
import base64, boto3, json, sys
from botocore.config import Config

client = boto3.client("lambda", endpoint_url=sys.argv[1], region_name="us-east-1",
                      aws_access_key_id="none", aws_secret_access_key="none",
                      config=Config(retries={"total_max_attempts": 1}))
for line in sys.stdin:
    try:
        answer = client.invoke(**json.loads(line))
        outcome = {"status": answer["StatusCode"], "error": answer.get("FunctionError"),
                   "version": answer.get("ExecutedVersion"),
                   "log": base64.b64decode(answer.get("LogResult", "")).decode(),
                   "payload": answer["Payload"].read().decode()}
    except client.exceptions.ClientError as error:
        outcome = {"exception": error.response["Error"]["Code"]}
    print(json.dumps(outcome), flush=True)
"""

PYTHON = interop.prepared("python-client", "bin", "python")


def test_boto3(t):
    interop.need(t, PYTHON)
    check_client(t, [PYTHON, "-c", PROGRAM])


if __name__ == "__main__":
    harness.main()
