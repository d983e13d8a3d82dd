// SPDX-License-Identifier: Apache-2.0
// What all functions of these tests do, for aws-lambda-ric: echo, fail, answer 3 MB, fail in init.
"use strict";

if (process.env.FAIL_INIT)
	throw new RangeError("init was told to fail");

exports.handler = async (event) => {
	if (event.do === "fail")
		throw new RangeError("the function was told to fail");
	if (event.do === "big")
		return "x".repeat(3000000);
	return event;
};
