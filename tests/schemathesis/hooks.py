"""What schemathesis can't know of Hubline: which things there are, how GitHub signs, and that problems have codes."""

import atexit
import hashlib
import hmac
import json
import os
import re
from collections import Counter
from urllib.parse import unquote

import schemathesis
from schemathesis.core.failures import Failure

# The names of things that there are, by the path of an operation, or by how the path begins.
KNOWN = json.loads(os.environ["KNOWN"])
# What submits or approves a run, by its id.
APPROVALS = json.loads(os.environ["APPROVALS"])
SECRET = os.environ["GITHUB_SECRET"].encode()
SEEN = os.environ["SEEN"]

# What a thing may be called at all: other names are left as they are.
NAME = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|sha256:[0-9a-f]{64}"
SERVICE_REQUEST = r"[A-Za-z0-9._-]{1,64}"
KEY = r"[!-~]{1,128}"
VERSION = r'\*|"[0-9]{1,9}"'
# What the configuration puts where a signature belongs.
PLACE = "sha256=0"

seen = {}


@atexit.register
def tell():
    """Says which operation was answered how often with which status and code."""
    with open(SEEN, "w", encoding="utf-8") as file:
        json.dump(seen, file)


def name_of(case):
    return case.operation.definition.raw.get("operationId")


def is_valid(case):
    """Whether it was made to keep the schemas."""
    return case.meta is not None and case.meta.generation.mode.is_positive


def is_another_method(case):
    return case.method != case.operation.method.upper()


def dice(case):
    """Numbers that are the same for the same case, and a text of them all."""
    parts = [case.method, case.path, case.path_parameters, case.query, dict(case.headers or {}), case.body]
    text = hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return text, [int(text[at : at + 8], 16) for at in range(0, 64, 8)]


def names_for(case):
    begins = [prefix for prefix in KNOWN if case.path.startswith(prefix)]
    names = KNOWN[max(begins, key=len)] if begins else []
    if isinstance(names, dict):
        # By the kind of rollback that is asked for.
        kind = case.body.get("kind") if isinstance(case.body, dict) else None
        return [names[kind]] if isinstance(kind, str) and kind in names else list(names.values())
    return names


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts in what there is, where the case has made something up that keeps the rules."""
    text, (often, which, approving, version, *_) = dice(case)
    phase = case.meta.phase.name.name if case.meta is not None else None
    rule = SERVICE_REQUEST if case.path.startswith("/v1/") else NAME
    names = names_for(case)
    for parameter, value in (case.path_parameters or {}).items():
        # What comes of another answer is there already; and one of five is not to be there.
        if names and phase != "STATEFUL" and re.fullmatch(rule, unquote(str(value))):
            if phase == "EXAMPLES":
                case.path_parameters[parameter] = names[0]
            elif often % 5:
                case.path_parameters[parameter] = names[which % len(names)]
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch(KEY, key):
        # The same key for another command is another answer.
        case.headers["Idempotency-Key"] = text
    seen_version = (case.headers or {}).get("If-Match")
    if seen_version is not None and is_valid(case) and not re.fullmatch(VERSION, str(seen_version)):
        # schemathesis writes tags as RFC 9110 has them, whatever the schema says.
        case.headers["If-Match"] = '"1"' if version % 2 else "*"
    if (case.headers or {}).get("If-None-Match") == "" and not is_valid(case):
        # An empty list of tags is one, whatever it was made for.
        case.headers["If-None-Match"] = "no tag"
    if name_of(case) == "putServiceRequest" and is_valid(case) and "If-None-Match" in (case.headers or {}):
        case.headers["If-None-Match"] = "*"
    approval = APPROVALS.get((case.path_parameters or {}).get("id"))
    if approval and is_valid(case) and isinstance(case.body, dict) and "digest" in case.body:
        if phase == "EXAMPLES" or approving % 2:
            case.body = {**case.body, **{name: value for name, value in approval.items() if name in case.body}}
    if isinstance(case.body, dict) and isinstance(case.body.get("truncatedAlerts"), float):
        # To JSON Schema 3.0 is an integer. Nobody writes one so.
        case.body["truncatedAlerts"] = int(case.body["truncatedAlerts"])
    if name_of(case) == "hearGithub":
        kwargs["auth"] = sign


def sign(request):
    if request.headers.get("X-Hub-Signature-256") == PLACE:
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        request.headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    return request


def media_type(response):
    """What the body is, if there is one."""
    return response.headers.get("content-type", [""])[0]


@schemathesis.hook
def after_call(context, case, response):
    if not is_another_method(case):
        is_problem = media_type(response).startswith("application/problem+json")
        answer = f"{response.status_code} {response.json()['code']}" if is_problem else str(response.status_code)
        seen.setdefault(name_of(case), Counter())[answer] += 1
    if name_of(case) == "submitRun" and response.status_code == 200:
        # Now there is something to refuse.
        KNOWN["/ops/runs/{id}/reject"].append(response.json()["id"])


class Undocumented(Failure):
    """An answer that the document does not describe."""


def fail(case, title, response, problem):
    message = f"{response.status_code} {problem['code']}: {problem['detail']}"
    raise Undocumented(operation=case.operation.label, title=title, message=message)


def description(case, status):
    """What the document says of an answer."""
    response = case.operation.definition.raw["responses"].get(str(status), {})
    if "$ref" in response:
        name = response["$ref"].rsplit("/", 1)[1]
        response = case.operation.schema.raw_schema["components"]["responses"][name]
    return response.get("description", "")


@schemathesis.check
def code_conformance(context, response, case):
    """The code of a problem stands in the description of its status."""
    if not media_type(response).startswith("application/problem+json"):
        return
    problem = response.json()
    expected = "`method_not_allowed`" if is_another_method(case) else description(case, response.status_code)
    if problem["status"] != response.status_code or f"`{problem['code']}`" not in expected:
        fail(case, "Undocumented code", response, problem)


@schemathesis.check
def valid_data_is_taken(context, response, case):
    """What keeps the schemas is never called malformed or invalid, but where no schema can say the rule."""
    if not is_valid(case) or is_another_method(case) or response.status_code not in (400, 415, 422):
        return
    problem = response.json()
    if problem["code"] in ("malformed", "invalid", "unsupported_media_type") and not is_beyond_schemas(case, problem):
        fail(case, "Valid data is refused", response, problem)


def is_beyond_schemas(case, problem):
    fields = {error["field"] for error in problem.get("errors", [])}
    if name_of(case) == "putServiceRequest":
        return fields == {"closedAt"}
    return name_of(case) == "listMessages" and len(case.query or {}) >= 2 and fields <= {"afterSeq", "beforeSeq"}
