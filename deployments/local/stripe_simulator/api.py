"""Execution of calls to /v1: authentication, idempotency and the endpoint itself, in one transaction."""

import json
import re
import sqlite3
import time
from dataclasses import dataclass, field
from email.utils import formatdate

from .account import Account, Origin
from .expansion import expand
from .routes import find_route
from .subscription import lifecycle
from .subscription.periods import DAY
from .wire import API_VERSION, ApiError, Document, decode, dump, new_id

KEPT_SECONDS = DAY  # how long an idempotency key is remembered


@dataclass
class Call:
    """One request, without its API key, which is checked and discarded."""

    method: str
    path: str
    pairs: list[tuple[str, str]]
    idempotency_key: str | None
    refusal: ApiError | None
    version: str = API_VERSION
    fault: str | None = None
    request_id: str = field(default_factory=lambda: new_id("req", 14))

    @property
    def key(self) -> str | None:
        """Return the idempotency key if it applies: GET and DELETE ignore it."""
        return self.idempotency_key if self.method == "POST" else None

    def fingerprint(self) -> str:
        """Return the parameters in a canonical order."""
        return json.dumps(sorted(self.pairs))


@dataclass
class Reply:
    """A response's status, body and further headers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    replayed: bool = False


def error_reply(error: ApiError) -> Reply:
    """Return an error as a response."""
    return Reply(error.status, dump(error.body()))


class Api:
    """Executes calls against the account, each in one transaction with its record and its idempotency key."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.store = account.store
        # Idempotency keys of calls delayed by a `delay` fault before they are executed.
        self.in_flight: set[str] = set()

    def refuse_in_flight(self, call: Call) -> Reply | None:
        """Return a 409 response while a call with the same key is in progress."""
        if call.key is None or call.key not in self.in_flight:
            return None
        error = ApiError(
            "There is currently another in-progress request using this Idempotent Key (that probably means you "
            f"submitted twice, and the other request is still going through): {call.key}. Please try again later.",
            status=409,
            kind="idempotency_error",
            code="idempotency_key_in_use",
            executed=False,
        )
        return self.settled(call, error_reply(error))

    def answer(self, call: Call) -> Reply:
        """Execute a call, or return the response stored for its key."""
        with self.store.transaction():
            lifecycle.settle(self.account)
            reply = self._first_or_again(call)
            self._record(call, reply)
        return self._finished(call, reply)

    def settled(self, call: Call, reply: Reply | None, *, stored: bool = False) -> Reply:
        """Record a call that is not executed. With `stored`, its key keeps this response unless it already has one."""
        with self.store.transaction():
            if stored and reply and call.key and not self._kept(call):
                self._remember(call, reply)
            self._record(call, reply)
        return self._finished(call, reply or Reply(0, b""))

    def lie(self, call: Call) -> Reply:
        """Respond with 200 and the current object, or what the call would have returned, but change nothing."""
        with self.store.transaction():
            self.store.mark()
            reply = self._execute(call)
            self.store.undo()
            if reply.status == 200 and (unchanged := self._unchanged(call)) and unchanged.status == 200:
                reply = unchanged
            self._record(call, reply)
        return self._finished(call, reply)

    def _unchanged(self, call: Call) -> Reply | None:
        path = re.sub(r"/(release|cancel|pay|void|pause|resume|attach|detach|advance)$", "", call.path)
        pairs = [pair for pair in call.pairs if pair[0].startswith("expand")]
        try:
            _, identifiers = find_route("GET", path)
        except ApiError:
            return None
        return self._execute(Call("GET", path, pairs, None, None, call.version)) if identifiers else None

    def _first_or_again(self, call: Call) -> Reply:
        if call.refusal:
            return error_reply(call.refusal)
        try:
            earlier = self._earlier(call)
        except ApiError as error:
            return error_reply(error)
        return earlier or self._execute(call)

    def _execute(self, call: Call) -> Reply:
        self.account.origin = Origin(call.request_id, call.idempotency_key)
        self.store.mark()
        keep = True
        try:
            reply = Reply(200, dump(self._result(call)))
        except ApiError as error:
            keep = error.executed
            if not error.keep_changes:
                self.store.undo()
            reply = error_reply(error)
        finally:
            self.account.origin = Origin()
        if keep and call.key and reply.status not in (401, 409, 429):
            self._remember(call, reply)
        return reply

    def _result(self, call: Call) -> Document:
        route, identifiers = find_route(call.method, call.path)
        params = route.shape(decode(call.pairs))
        paths = params.get("expand", [])
        result = route.handler(self.account, params, *identifiers)
        shown = result if "data" in result or "deleted" in result else self.account.render(result)
        return expand(self.account, shown, paths)

    # Idempotency keys

    def _earlier(self, call: Call) -> Reply | None:
        row = self._kept(call)
        if row is None:
            return None
        if row["path"] != call.path:
            raise self._misused(
                call, f"for the same endpoint they were first used for ('{call.path}' vs '{row['path']}')"
            )
        if row["params"] != call.fingerprint():
            raise self._misused(call, "with the same parameters they were first used with")
        headers = {"idempotent-replayed": "true", "original-request": row["request_id"]}
        return Reply(row["status"], row["body"], headers, replayed=True)

    def _kept(self, call: Call) -> sqlite3.Row | None:
        found = self.store.connection.execute("SELECT * FROM idempotency WHERE key = ?", (call.key,))
        row: sqlite3.Row | None = found.fetchone()
        return row if row and row["at"] + KEPT_SECONDS > self.account.now() else None

    def _misused(self, call: Call, how: str) -> ApiError:
        return ApiError(
            f"Keys for idempotent requests can only be used {how}. Try using a key other than '{call.key}' if you "
            "meant to execute a different request.",
            kind="idempotency_error",
            executed=False,
        )

    def _remember(self, call: Call, reply: Reply) -> None:
        self.store.connection.execute(
            "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                call.key,
                self.account.now(),
                call.path,
                call.fingerprint(),
                call.request_id,
                reply.status,
                reply.body,
            ),
        )

    # Records and headers

    def _record(self, call: Call, reply: Reply | None) -> None:
        self.store.connection.execute(
            "INSERT INTO requests (time, method, path, params, idempotency_key, status, request_id, replayed, fault)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                time.time(),
                call.method,
                call.path,
                dump(_readable(call)).decode(),
                call.idempotency_key,
                reply.status if reply else None,
                call.request_id,
                bool(reply and reply.replayed),
                call.fault,
            ),
        )

    def _finished(self, call: Call, reply: Reply) -> Reply:
        headers = {"date": formatdate(self.account.now(), usegmt=True)}
        headers |= {"content-type": "application/json", "request-id": call.request_id, "stripe-version": call.version}
        if call.key:
            headers |= {"idempotency-key": call.key, "original-request": call.request_id}
        return Reply(reply.status, reply.body, headers | reply.headers, reply.replayed)


def _readable(call: Call) -> Document:
    try:
        return decode(call.pairs)
    except ApiError:
        return dict(call.pairs)
