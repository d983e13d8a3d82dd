#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every status, body and header that an extension sees. Here the test is the extension."""
import harness
from extensions import NOBODY, Agent, bare, check_forbidden, check_refused, start
from harness import UUID


def launched(t, *options):
    """lrie with an extension that has been started; it has not called yet."""
    lrie = t.bare(*bare(t, "first"), *options)
    return lrie, Agent(t, "first", lrie)


def inside(t, *options):
    """lrie with no extension in a folder, and what makes one from inside the runtime."""
    lrie = t.bare(*options)
    runtime = lrie.runtime()
    return lrie, runtime, lambda name: Agent(t, name, port=runtime.port)


# ---- register


def test_register_tells_the_function(t):
    _, agent = launched(t, "--handler", "file.handler", "--function-name", "shop")
    reply = agent.register("INVOKE", "SHUTDOWN")
    t.equal(list(reply.json().items()), [("functionName", "shop"), ("functionVersion", "$LATEST"),
                                         ("handler", "file.handler")])
    t.match(reply.header("Lambda-Extension-Identifier"), UUID)
    t.equal(reply.header("Content-Type"), "application/json")


def test_the_account_is_told_to_who_accepts_it(t):
    for features, told in (("accountId", True), ("other, accountId", True), (" accountId ,x", True),
                           ("accountid", False), ("", False)):
        _, agent = launched(t, "--account-id", "123456789012")
        reply = agent.register(headers=[("Lambda-Extension-Accept-Feature", features)])
        t.equal(reply.json().get("accountId"), "123456789012" if told else None, repr(features))
        if told:
            t.equal(list(reply.json())[0], "accountId", "order of the keys")


def test_no_events_can_be_said_in_three_ways(t):
    for body in (b'{"events":[]}', b'{"events":null}', b"{}", b'{"events":[],"configurationKeys":[]}'):
        _, agent = launched(t)
        t.equal(agent.try_register(body).status, 200, repr(body))


def test_bodies_that_are_no_request(t):
    _, agent = launched(t)
    for body in (b"", b"junk", b"{", b"[]", b'"INVOKE"', b'{"events":"INVOKE"}', b'{"events":[1]}',
                 b'{"events":{}}', b'{"events":["INVOKE"]', b"\xff\xfe", b"[" * 60000):
        reply = agent.try_register(body)
        t.equal((reply.status, reply.json()["errorType"]), (403, "InvalidRequestFormat"), repr(body[:40]))
        t.true(reply.json()["errorMessage"], "no message for %r" % body[:40])
    agent.register("INVOKE")


def test_a_body_that_is_too_large(t):
    _, agent = launched(t)
    reply = agent.try_register(b'{"events":[%s]}' % (b'"INVOKE",' * 10000)[:-1])
    t.equal((reply.status, reply.json()["errorType"]), (413, "RequestEntityTooLarge"))
    agent.register("INVOKE")


def test_configuration_keys_are_refused(t):
    _, agent = launched(t)
    check_refused(t, agent.try_register(b'{"events":[],"configurationKeys":["A"]}'),
                  "InvalidRequestFormat",
                  "configurationKeys are deprecated; use environment variables instead")


def test_events_that_are_none(t):
    _, agent = launched(t)
    for event in ("FOO", "invoke", ""):
        check_refused(t, agent.try_register(b'{"events":["INVOKE","%s"]}' % event.encode()),
                      "Extension.InvalidEventType", event + ": ErrorInvalidEventType")


def test_a_name_is_needed(t):
    _, agent = launched(t)
    check_refused(t, agent.try_register(name=""), "Extension.InvalidExtensionName",
                  "Empty extension name")
    check_refused(t, agent.ask("POST", "/register", b'{"events":[]}'),
                  "Extension.InvalidExtensionName", "Empty extension name")


def test_an_extension_of_the_folder_registers_once(t):
    _, agent = launched(t)
    agent.register("INVOKE")
    check_forbidden(t, agent.try_register(), "Registered", "Registered", "first")


def test_a_name_of_inside_is_taken_once(t):
    _, _, make = inside(t)
    make("inner").register("INVOKE")
    check_refused(t, make("inner").try_register(b'{"events":[]}'),
                  "Extension.InvalidExtensionState", "Extension with this name already registered")


def test_who_is_inside_gets_no_shutdown(t):
    _, _, make = inside(t)
    check_refused(t, make("inner").try_register(), "Extension.InvalidEventType",
                  "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")


def test_ten_are_enough(t):
    _, _, make = inside(t)
    for number in range(10):
        make("inner-%d" % number).register("INVOKE")
    check_refused(t, make("inner-10").try_register(b'{"events":[]}'),
                  "Extension.TooManyExtensions", "Extension limit (10) reached")


def test_those_of_the_folder_count(t):
    names = ["outer-%d" % number for number in range(7)]
    lrie = t.bare(*bare(t, *names))
    runtime = start(t, lrie, [Agent(t, name, lrie) for name in names])
    for number in range(3):
        Agent(t, "inner-%d" % number, port=runtime.port).register()
    reply = Agent(t, "inner-3", port=runtime.port).try_register(b'{"events":[]}')
    check_refused(t, reply, "Extension.TooManyExtensions", "Extension limit (10) reached")


def test_registration_closes_with_the_first_next_of_the_runtime(t):
    lrie, runtime, make = inside(t)
    caller = lrie.begin_invoke()
    runtime.next()
    check_refused(t, make("inner").try_register(b'{"events":[]}'),
                  "Extension.RegistrationClosed", "Extension registration closed already")
    caller.close()


# ---- identifiers and headers


def test_an_identifier_is_needed_everywhere(t):
    _, agent = launched(t)
    for method, path, unknown in (("GET", "/event/next", "Unknown extension " + NOBODY),
                                  ("POST", "/init/error", "Unknown Lambda-Extension-Identifier"),
                                  ("POST", "/exit/error", "Unknown Lambda-Extension-Identifier")):
        more = [("Lambda-Extension-Function-Error-Type", "Extension.Broken")]
        check_refused(t, agent.ask(method, path, headers=more),
                      "Extension.MissingExtensionIdentifier",
                      "Missing Lambda-Extension-Identifier header")
        for text in ("junk", NOBODY[:-1], NOBODY + "0"):
            check_refused(t, agent.ask(method, path, headers=more + [
                ("Lambda-Extension-Identifier", text)]),
                          "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
        check_refused(t, agent.ask(method, path, headers=more + [
            ("Lambda-Extension-Identifier", NOBODY)]),
                      "Extension.UnknownExtensionIdentifier", unknown)


def test_an_error_has_a_type(t):
    _, agent = launched(t)
    agent.register()
    for path in ("/init/error", "/exit/error"):
        check_refused(t, agent.ask("POST", path, b"{}", agent.identity()), "Extension.MissingHeader",
                      "Lambda-Extension-Function-Error-Type not found")


# ---- states


def ready(t):
    """An extension that surely waits for its second event: the first has its REPORT."""
    lrie, agent = launched(t)
    runtime = start(t, lrie, [agent], "INVOKE")
    agent.begin_next()
    caller = lrie.begin_invoke()
    runtime.answer(runtime.next())
    caller.reply()
    runtime.begin_next()
    agent.end_next()
    agent.begin_next()
    lrie.stdout.wait_line("REPORT.*")
    return lrie, runtime, agent


def test_ready_is_blocked_and_asks_no_more(t):
    _, _, agent = ready(t)
    other = agent.other()
    check_forbidden(t, other.error("init"), "Ready", "InitError", agent.id)
    check_forbidden(t, other.try_next(), "Ready", "Ready", agent.id)
    check_forbidden(t, other.try_register(), "Ready", "Registered", "first")
    t.true(not agent.connection.has_input(), "the first that asked was answered")


def test_running_asks_or_exits(t):
    lrie, runtime, agent = ready(t)
    caller = lrie.begin_invoke()
    runtime.end_next()
    agent.end_next()
    check_forbidden(t, agent.error("init"), "Running", "InitError", agent.id)
    reply = agent.error("exit")
    t.equal((reply.status, reply.json()), (202, {"status": "OK"}))
    t.equal(caller.reply().json()["errorType"], "Extension.ExitError")


def test_errors_are_accepted(t):
    _, agent = launched(t)
    agent.register()
    reply = agent.error("init", body=b"no JSON at all")
    t.equal((reply.status, reply.json()), (202, {"status": "OK"}))
    t.equal(reply.header("Content-Type"), "application/json")


# ---- events


def test_an_invoke_event(t):
    lrie, agent = launched(t, "--timeout", "60")
    runtime = start(t, lrie, [agent], "INVOKE")
    agent.begin_next()
    caller = lrie.begin_invoke(headers=[
        ("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")])
    event = runtime.next()
    reply = agent.end_next()
    t.match(reply.header("Lambda-Extension-Event-Identifier"), UUID)
    t.equal(reply.header("Content-Type"), "application/json")
    given = event.reply.header
    t.equal(list(reply.json().items()), [
        ("eventType", "INVOKE"), ("deadlineMs", int(given("Lambda-Runtime-Deadline-Ms"))),
        ("requestId", event.id), ("invokedFunctionArn", given("Lambda-Runtime-Invoked-Function-Arn")),
        ("tracing", {"type": "X-Amzn-Trace-Id", "value": given("Lambda-Runtime-Trace-Id")})])
    runtime.answer(event)
    caller.reply()


def test_each_event_has_an_identifier_of_its_own(t):
    lrie = t.bare(*bare(t, "first", "second"))
    agents = [Agent(t, name, lrie) for name in ("first", "second")]
    runtime = start(t, lrie, agents, "INVOKE")
    for agent in agents:
        agent.begin_next()
    caller = lrie.begin_invoke()
    event = runtime.next()
    replies = [agent.end_next() for agent in agents]
    t.equal({reply.json()["requestId"] for reply in replies}, {event.id})
    t.equal(len({reply.header("Lambda-Extension-Event-Identifier") for reply in replies}), 2)
    caller.close()


if __name__ == "__main__":
    harness.main()
