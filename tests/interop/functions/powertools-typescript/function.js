// SPDX-License-Identifier: Apache-2.0
// What all functions of these tests do, with Powertools for AWS Lambda (TypeScript).
"use strict";

const { Logger } = require("@aws-lambda-powertools/logger");
const { Metrics, MetricUnit } = require("@aws-lambda-powertools/metrics");

const logger = new Logger({ serviceName: "interop" });
const metrics = new Metrics({ namespace: "interop", serviceName: "interop" });

if (process.env.FAIL_INIT)
	throw new RangeError("init was told to fail");

exports.handler = async (event, context) => {
	logger.addContext(context);
	metrics.setFunctionName(context.functionName);
	metrics.captureColdStartMetric();
	logger.info("an event has come", { variable: process.env._X_AMZN_TRACE_ID });
	metrics.addMetric("Invocations", MetricUnit.Count, 1);
	metrics.publishStoredMetrics();
	if (event.do === "fail")
		throw new RangeError("the function was told to fail");
	if (event.do === "big")
		return "x".repeat(3000000);
	return event;
};
