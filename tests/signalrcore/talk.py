"""Connects many times with signalrcore, old or new, joins each time, and prints what came of it as JSON.

HUB is the hub's address, TOKEN the user's, REQUEST the service request, ROUNDS how often, BODY what is sent at the end.
"""

import json
import logging
import os
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

from signalrcore.hub_connection_builder import HubConnectionBuilder

PATIENCE = 20
# Of its time to connect the library sleeps most.
AT_ONCE = 10
HUB, TOKEN, REQUEST, ROUNDS, BODY = (os.environ[name] for name in ("HUB", "TOKEN", "REQUEST", "ROUNDS", "BODY"))


class Visit:
    """One connection from its beginning to its end."""

    def __init__(self):
        self.opened, self.pushed, self.answered = threading.Event(), threading.Event(), threading.Event()
        self.pushes, self.answers, self.errors = [], [], []
        builder = HubConnectionBuilder().with_url(HUB, options={"access_token_factory": lambda: TOKEN})
        self.hub = builder.configure_logging(logging.CRITICAL).build()
        self.hub.on_open(self.opened.set)
        self.hub.on_error(self.fail)
        self.hub.on("OnMessageReceived", self.receive)
        self.hub.start()
        self.wait(self.opened, "the handshake")

    def receive(self, arguments):
        self.pushes.append(arguments[0]["seq"])
        self.pushed.set()

    def complete(self, completion):
        # The old one calls this for a failure, too.
        if not completion.error:
            self.answers.append(completion.result)
            self.answered.set()

    def fail(self, completion):
        self.errors.append(completion.error)
        self.answered.set()

    def invoke(self, method, *arguments):
        self.answered.clear()
        self.hub.send(method, list(arguments), self.complete)
        self.wait(self.answered, method)

    @staticmethod
    def wait(event, what):
        if not event.wait(PATIENCE):
            print(f"nothing came of {what}", file=sys.stderr, flush=True)
            os._exit(1)


def read_what_is_unread(_):
    """The numbers that one connection was sent after its join."""
    visit = Visit()
    visit.invoke("JoinServiceRequest", REQUEST, 0)
    visit.wait(visit.pushed, "the unread message")
    # The newest one waits for its own next ping here.
    threading.Thread(target=visit.hub.stop, daemon=True).start()
    return visit.pushes


def main():
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pushes = list(pool.map(read_what_is_unread, range(int(ROUNDS))))
    visit = Visit()
    # Its writer of JSON escapes all but ASCII.
    for body in (BODY, "x" * 200_000, "afterwards"):
        visit.invoke("SendMessage", REQUEST, {"clientMessageId": str(uuid.uuid4()), "body": body})
    print(json.dumps({"pushes": pushes, "sent": [answer["seq"] for answer in visit.answers], "errors": visit.errors}), flush=True)
    # The library leaves threads behind that would keep the process.
    os._exit(0)


main()
