// SPDX-License-Identifier: Apache-2.0
// What all functions of these tests do, on fetch alone: echo, fail, answer 3 MB, fail in init.
// Bun and Deno run it alike.

const env = process.env;
const api = `http://${env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;

function handler(event: any) {
	if (event.do === "fail")
		throw new RangeError("the function was told to fail");
	if (event.do === "big")
		return "x".repeat(3000000);
	return event;
}

async function post(path: string, value: unknown) {
	const reply = await fetch(api + path, { method: "POST", body: JSON.stringify(value) });

	if (reply.status !== 202)
		throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
	await reply.text();
}

function describe(error: any) {
	return { errorType: error.name, errorMessage: error.message, stackTrace: [] };
}

if (env.FAIL_INIT) {
	await post("/init/error", describe(new RangeError("init was told to fail")));
	process.exit(1);
}

for (;;) {
	const next = await fetch(`${api}/invocation/next`);
	const id = next.headers.get("Lambda-Runtime-Aws-Request-Id");

	try {
		await post(`/invocation/${id}/response`, handler(await next.json()));
	} catch (error) {
		await post(`/invocation/${id}/error`, describe(error));
	}
}
