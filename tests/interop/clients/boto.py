# SPDX-License-Identifier: Apache-2.0
"""boto3 as tests/interop/sdk.py wants a client."""
import base64
import functools
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


@functools.lru_cache(maxsize=None)
def client_for(endpoint, attempts):
    return boto3.client("lambda", endpoint_url=endpoint, region_name="us-east-1",
                        aws_access_key_id="none", aws_secret_access_key="none",
                        config=Config(retries={"mode": "standard", "total_max_attempts": attempts}))


def decoded(log):
    return base64.b64decode(log or "").decode()


def attempts_of(answer):
    return answer["ResponseMetadata"]["RetryAttempts"] + 1


def invoke(client, parameters):
    answer = client.invoke(**parameters)
    return {"status": answer["StatusCode"], "error": answer.get("FunctionError"),
            "version": answer.get("ExecutedVersion"), "log": decoded(answer.get("LogResult")),
            "payload": answer["Payload"].read().decode(), "attempts": attempts_of(answer)}


def tell(outcome):
    print(json.dumps(outcome), flush=True)


def stream(client, parameters):
    """Tells each piece as it comes."""
    answer = client.invoke_with_response_stream(**parameters)
    outcome = {"status": answer["StatusCode"], "version": answer.get("ExecutedVersion"),
               "attempts": attempts_of(answer), "complete": None, "log": ""}
    for event in answer.get("EventStream") or ():
        if "PayloadChunk" in event:
            tell({"chunk": event["PayloadChunk"]["Payload"].decode()})
        elif "InvokeComplete" in event:
            outcome["complete"] = event["InvokeComplete"]
            outcome["log"] = decoded(outcome["complete"].pop("LogResult", None))
    return outcome


def exception(client, error):
    code = error.response["Error"]["Code"]
    return {"exception": code, "typed": isinstance(error, getattr(client.exceptions, code, ())),
            "service": isinstance(error, ClientError),
            "message": error.response["Error"]["Message"],
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            "attempts": attempts_of(error.response), "reason": error.response.get("Reason"),
            "retry_after": error.response.get("retryAfterSeconds")}


def main():
    calls = {"invoke": invoke, "stream": stream}
    for line in sys.stdin:
        order = json.loads(line)
        client = client_for(order["endpoint"], order["attempts"])
        try:
            outcome = calls[order["call"]](client, order["parameters"])
        except ClientError as error:
            outcome = exception(client, error)
        tell(outcome)


main()
