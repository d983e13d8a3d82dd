# SPDX-License-Identifier: Apache-2.0
"""What all functions of these tests do, with the decorators of Powertools for AWS Lambda."""
import os

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="interop")
metrics = Metrics(namespace="interop", service="interop")

if "FAIL_INIT" in os.environ:
    raise ValueError("init was told to fail")


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    logger.info("an event has come", variable=os.environ.get("_X_AMZN_TRACE_ID"))
    metrics.add_metric(name="Invocations", unit=MetricUnit.Count, value=1)
    if event.get("do") == "fail":
        raise ValueError("the function was told to fail")
    if event.get("do") == "big":
        return "x" * 3000000
    return event
