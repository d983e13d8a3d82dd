// SPDX-License-Identifier: Apache-2.0
// A web server that knows nothing of Lambda, for Bun and Deno alike.

const port = Number(process.env.PORT);

async function answer(request: Request): Promise<Response> {
	const url = new URL(request.url);

	switch (url.pathname) {
	case "/":
		return new Response("ready");
	case "/echo":
		return Response.json({
			method: request.method,
			query: Object.fromEntries(url.searchParams),
			greeting: request.headers.get("x-greeting"),
			context: JSON.parse(request.headers.get("x-amzn-lambda-context") ?? "null"),
			body: await request.text(),
		});
	case "/events":
		return Response.json({ event: await request.json() });
	case "/big":
		return new Response("x".repeat(3000000));
	case "/crash":
		process.exit(3);
	}
	return new Response("no such page", { status: 404 });
}

if ("Deno" in globalThis)
	Deno.serve({ port, hostname: "127.0.0.1" }, answer);
else
	Bun.serve({ port, hostname: "127.0.0.1", fetch: answer });
