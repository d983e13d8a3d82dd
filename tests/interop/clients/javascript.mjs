// SPDX-License-Identifier: Apache-2.0
// The AWS SDK for JavaScript v3 as tests/interop/sdk.py wants a client, for Node, Bun and Deno.
//
//	javascript.mjs MODULES    the folder above node_modules
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import process from "node:process";
import { createInterface } from "node:readline";

const sdk = createRequire(process.argv[2] + "/")("@aws-sdk/client-lambda");
const clients = new Map();

function clientFor(endpoint, maxAttempts) {
	const key = `${endpoint} ${maxAttempts}`;
	if (!clients.has(key))
		clients.set(key, new sdk.LambdaClient({
			endpoint, maxAttempts, region: "us-east-1",
			credentials: { accessKeyId: "none", secretAccessKey: "none" },
		}));
	return clients.get(key);
}

function text(bytes) {
	return Buffer.from(bytes ?? "").toString();
}

function decoded(log) {
	return Buffer.from(log ?? "", "base64").toString();
}

async function invoke(client, parameters) {
	const answer = await client.send(new sdk.InvokeCommand(parameters));
	return { status: answer.StatusCode, error: answer.FunctionError ?? null,
		version: answer.ExecutedVersion ?? null, log: decoded(answer.LogResult),
		payload: text(answer.Payload), attempts: answer.$metadata.attempts };
}

// Tells each piece as it comes.
async function stream(client, parameters) {
	const answer = await client.send(new sdk.InvokeWithResponseStreamCommand(parameters));
	const outcome = { status: answer.StatusCode, version: answer.ExecutedVersion ?? null,
		attempts: answer.$metadata.attempts, complete: null, log: "" };
	for await (const event of answer.EventStream ?? []) {
		if (event.PayloadChunk)
			console.log(JSON.stringify({ chunk: text(event.PayloadChunk.Payload) }));
		if (!event.InvokeComplete)
			continue;
		const { LogResult, ...rest } = event.InvokeComplete;
		outcome.complete = rest;
		outcome.log = decoded(LogResult);
	}
	return outcome;
}

function exception(error) {
	const type = sdk[error.name];
	return { exception: error.name, typed: type !== undefined && error instanceof type,
		service: error instanceof sdk.LambdaServiceException, message: error.message,
		status: error.$metadata?.httpStatusCode, attempts: error.$metadata?.attempts,
		reason: error.Reason ?? null, retry_after: error.retryAfterSeconds ?? null };
}

const calls = { invoke, stream };

for await (const line of createInterface({ input: process.stdin })) {
	const { call, endpoint, attempts, parameters } = JSON.parse(line);
	let outcome;
	try {
		outcome = await calls[call](clientFor(endpoint, attempts), parameters);
	} catch (error) {
		outcome = exception(error);
	}
	console.log(JSON.stringify(outcome));
}
process.exit();
