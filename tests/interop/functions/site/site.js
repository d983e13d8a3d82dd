// SPDX-License-Identifier: Apache-2.0
// A small site, as a function behind an HTTP front serves it to a browser (aws-lambda-ric).
//
// It gets requests as payload 2.0, and keeps one picture in memory. The handler "site.stream" answers with a
// page that begins, and ends once there is a file "go" in the folder /var/site.
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const { setTimeout: pause } = require("node:timers/promises");

let picture; // { type, bytes }

function escape(text) {
	return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

// With an icon of its own: a browser that looks for one would come at any time.
function page(title, body, more) {
	return { statusCode: 200, ...more,
		headers: { "content-type": "text/html; charset=utf-8", ...more?.headers },
		body: `<!DOCTYPE html><title>${title}</title><link rel="icon" href="data:,">
			<h1>${title}</h1>${body}` };
}

function bodyOf(event) {
	return Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8");
}

function list(pairs) {
	return "<dl>" + [...pairs].map(([name, value]) =>
		`<dt>${escape(name)}</dt><dd id="${escape(name)}">${escape(value)}</dd>`).join("") + "</dl>";
}

function home() {
	return page("Home", `<p id="umlauts">gr\u00fc\u00dfe, \u4e16\u754c</p>
		<a id="about" href="/about/us%20all?from=home&amp;from=link">about</a> <a id="login" href="login">log in</a>
		<form id="search" action="/search"><input name="q"><input name="page" value="1"></form>
		<form id="note" action="/note" method="post"><input name="title"><textarea name="text"></textarea></form>
		<form id="upload" action="/picture" method="post" enctype="multipart/form-data">
			<input name="caption"><input name="file" type="file"></form>`);
}

function about(event) {
	return page("About", list([["path", event.rawPath], ["query", event.rawQueryString],
		["from", event.queryStringParameters.from], ["method", event.requestContext.http.method]]));
}

function login() {
	return { statusCode: 302, headers: { location: "/cookies" }, body: "", cookies: [
		"session=a1b2; Path=/; HttpOnly", "theme=dark%20blue; Path=/; SameSite=Lax",
		"gone=1; Path=/; Max-Age=0", "elsewhere=1; Path=/other"] };
}

function cookies(event) {
	return page("Cookies", list((event.cookies ?? []).map((cookie) => cookie.split("="))), {
		cookies: ["visits=1; Path=/"] });
}

function search(event) {
	return page("Found", list(Object.entries(event.queryStringParameters)));
}

function note(event) {
	return page("Noted", list(new URLSearchParams(bodyOf(event).toString())));
}

// The parts of a form with files: [{ name, filename, type, bytes }].
function partsOf(event) {
	const boundary = "--" + /boundary=(.*)$/.exec(event.headers["content-type"])[1];
	return bodyOf(event).toString("latin1").split(boundary).slice(1, -1).map((part) => {
		const end = part.indexOf("\r\n\r\n");
		const head = Buffer.from(part.slice(0, end), "latin1").toString();
		return { name: /name="(.*?)"/.exec(head)[1], filename: /filename="(.*?)"/.exec(head)?.[1],
			type: /content-type: (.*)/i.exec(head)?.[1],
			bytes: Buffer.from(part.slice(end + 4, -2), "latin1") };
	});
}

function takePicture(event) {
	const [caption, file] = partsOf(event);
	picture = file;
	return page("Picture", list([["caption", caption.bytes.toString()], ["filename", file.filename],
		["sha256", crypto.createHash("sha256").update(file.bytes).digest("hex")]]) +
		`<img id="picture" src="/picture">`);
}

function givePicture() {
	return { statusCode: 200, headers: { "content-type": picture.type, "cache-control": "no-store" },
		body: picture.bytes.toString("base64"), isBase64Encoded: true };
}

function app() {
	return page("App", `<pre id="answer"></pre><script>
		async function ask() {
			const reply = await fetch("/api/sum?round=2", { method: "POST", body: JSON.stringify([1, 2.5, "\u00e4"]),
				headers: { "content-type": "application/json", "x-greeting": "hello" } });
			const gone = await fetch("/no/such/thing");
			const failed = await fetch("/fail");
			answer.textContent = JSON.stringify({ status: reply.status, type: reply.headers.get("content-type"),
				body: await reply.json(), gone: gone.status, failed: failed.status });
		}
		ask().catch((error) => { answer.textContent = String(error); });
	</script>`);
}

// No statusCode: the answer is the body.
function api(event) {
	return { event: JSON.parse(bodyOf(event)), greeting: event.headers["x-greeting"],
		round: event.queryStringParameters.round };
}

const routes = {
	"GET /": home, "GET /about/us%20all": about, "GET /login": login, "GET /cookies": cookies,
	"GET /search": search, "POST /note": note, "POST /picture": takePicture,
	"GET /picture": givePicture, "GET /app": app, "POST /api/sum": api,
	"GET /fail": () => { throw new RangeError("the function was told to fail"); },
};

exports.handler = async (event) => {
	const route = routes[`${event.requestContext.http.method} ${event.rawPath}`];
	return route ? route(event) : page("No such page", "", { statusCode: 404 });
};

async function stream(event, answer) {
	answer = awslambda.HttpResponseStream.from(answer, { statusCode: 200,
		headers: { "content-type": "text/html; charset=utf-8" }, cookies: ["streamed=yes; Path=/"] });
	answer.write(`<!DOCTYPE html><title>Stream</title><p id="first">${"the beginning ".repeat(200)}</p>`);
	while (!fs.existsSync("/var/site/go"))
		await pause(10);
	answer.write('<p id="last">the end</p>');
	answer.end();
}

if (globalThis.awslambda)
	exports.stream = awslambda.streamifyResponse(stream);
