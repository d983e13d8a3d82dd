#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The AWS SDK for JavaScript as a client: one client, one kept connection."""
import interop
from interop import harness
from sdk import check_client

PROGRAM = r"""
const { InvokeCommand, LambdaClient } = require("@aws-sdk/client-lambda");
const client = new LambdaClient({
	endpoint: process.argv[1], region: "us-east-1", maxAttempts: 1,
	credentials: { accessKeyId: "none", secretAccessKey: "none" },
});

async function main() {
	for await (const line of require("node:readline").createInterface(process.stdin)) {
		let outcome;
		try {
			const answer = await client.send(new InvokeCommand(JSON.parse(line)));
			outcome = { status: answer.StatusCode, error: answer.FunctionError ?? null,
				version: answer.ExecutedVersion ?? null,
				log: Buffer.from(answer.LogResult ?? "", "base64").toString(),
				payload: Buffer.from(answer.Payload ?? "").toString() };
		} catch (error) {
			outcome = { exception: error.name };
		}
		console.log(JSON.stringify(outcome));
	}
}
main();
"""

MODULES = interop.prepared("javascript-client", "node_modules")


def test_sdk_for_javascript(t):
    interop.need(t, MODULES)
    interop.need_program(t, "node")
    check_client(t, ["node", "-e", PROGRAM], NODE_PATH=MODULES)


if __name__ == "__main__":
    harness.main()
