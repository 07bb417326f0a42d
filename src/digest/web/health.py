"""For machines that watch: does it run, can it work, and how does it stand.

`/healthz` says that the process answers, and asks nothing. `/readyz` asks the database and says 503 with reasons. `/metrics` is for
Prometheus, for the networks of web.metrics_from alone.
"""

import ipaddress
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from digest.actions.stuck import list_stuck
from digest.errors import DigestError
from digest.store.schema import check_schema
from digest.store.standing import Standing, find_due_since, read_standing
from digest.web.desk import PRIVATE, Desk, in_thread

NO_TURN = timedelta(minutes=15)
"""A daemon turns each minute, and gathers for some minutes at most."""
AGAIN = timedelta(seconds=5)
"""Whoever asks sooner gets the counts of the last time: several Prometheus, or a loop gone wrong, cost the mail nothing."""


def routes(desk: Desk) -> list[Route]:
    """The three."""
    numbers = _Numbers(desk)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(numbers)
    networks = [ipaddress.ip_network(one, strict=False) for one in desk.app.settings.web.metrics_from]

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n", headers=PRIVATE)

    async def readyz(_request: Request) -> Response:
        return await in_thread(_ready, desk)

    async def metrics(request: Request) -> Response:
        if not _is_within(request, networks):
            raise HTTPException(404)
        body = await in_thread(generate_latest, registry)
        return Response(body, headers={**PRIVATE, "Content-Type": CONTENT_TYPE_LATEST})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def _ready(desk: Desk) -> Response:
    """200 where nothing is in the way of pages and mail; else 503, and each reason with what to do."""
    app, now = desk.app, desk.app.clock()
    reasons: list[dict[str, str]] = []
    waiting: float | None = None
    try:
        check_schema(app.database)
        with app.database.read() as session:
            since = find_due_since(session, now=now)
        waiting = _seconds(since, now)
        stuck = list_stuck(app.database, now=now, pace=app.settings.pace.limits())
        reasons = [
            {"reason": f"issue {one.number} of {one.newsletter}: {one.reason}", "next_step": one.next_step}
            for one in stuck
        ]
        turned_at = desk.turned_at()
        if turned_at and now - turned_at > NO_TURN:
            reasons.append({"reason": f"nothing was looked for since {turned_at:%Y-%m-%d %H:%M} UTC",
                            "next_step": "restart digest serve; its log tells why"})  # fmt: skip
    except DigestError as error:
        reasons = [{"reason": error.message, "next_step": error.next_step or ""}]
    document = {"ready": not reasons, "oldest_due_seconds": waiting, "reasons": reasons}
    return JSONResponse(document, status_code=503 if reasons else 200, headers=PRIVATE)


class _Numbers(Collector):
    """The ledger as Prometheus wants it."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._lock = desk, threading.Lock()
        self._read: tuple[datetime, Standing | None] | None = None

    def collect(self) -> Iterable[Metric]:
        """Every family; where the database cannot be asked, only that it cannot."""
        now = self._desk.app.clock()
        standing = self._standing(now)
        yield _one("digest_database_up", "Whether the database answers.", 1 if standing else 0)
        if turned_at := self._desk.turned_at():
            yield _one("digest_last_turn_timestamp_seconds", "When this process last looked for what is due.",
                       turned_at.timestamp())  # fmt: skip
        if not standing:
            return
        yield _by_state("digest_deliveries", "Rows of the ledger by state.", standing.deliveries)
        yield _by_state("digest_issues", "Issues by state.", standing.issues)
        yield _by_state("digest_sources", "Sources by state.", standing.sources)
        yield _one("digest_sources_failing", "Active sources whose last look failed.", standing.failing)
        yield _one("digest_suppressions", "Addresses never to be mailed again.", standing.suppressions)
        yield _by_state("digest_notices", "Mails about one subscription that are not at rest.", standing.notices)
        yield _one("digest_signups_waiting", "Sign-ups that were not decided about yet.", standing.signups)
        family = GaugeMetricFamily("digest_subscriptions", "Subscriptions by newsletter and state.",
                                   labels=("newsletter", "state"))  # fmt: skip
        for (slug, state), number in standing.subscriptions.items():
            family.add_metric((slug, state), number)
        yield family
        yield _one("digest_oldest_due_seconds", "How long the oldest delivery that could go out now has been waiting.",
                   _seconds(standing.due_since, now) or 0)  # fmt: skip

    def _standing(self, now: datetime) -> Standing | None:
        with self._lock:
            if self._read and timedelta(0) <= now - self._read[0] < AGAIN:
                return self._read[1]
            try:
                with self._desk.app.database.read() as session:
                    standing: Standing | None = read_standing(session, now=now)
            except DigestError:
                standing = None
            self._read = (now, standing)
            return standing


def _is_within(request: Request, networks: Iterable[Any]) -> bool:
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    return any(address in network for network in networks)


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max(0.0, (now - since).total_seconds())


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _by_state(name: str, text: str, counts: Any) -> Metric:
    family = GaugeMetricFamily(name, text, labels=("state",))
    for state, number in counts.items():
        family.add_metric((str(state),), number)
    return family
