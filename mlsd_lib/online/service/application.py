"""The HTTP face of a System: typed requests in, what is shown out, and the pages that an operator needs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from mlsd_lib import __version__
from mlsd_lib.architecture import System
from mlsd_lib.online.service import models
from mlsd_lib.online.service.answering import Served
from mlsd_lib.online.service.faces import Face
from mlsd_lib.online.service.guard import Guard
from mlsd_lib.online.service.limits import LOOPBACK, Limits, RefusedError
from mlsd_lib.online.service.live import Shelf
from mlsd_lib.online.service.metrics import Meters
from mlsd_lib.online.service.page import page
from mlsd_lib.online.service.runner import Answer, Runner, Writes

GRACE_S = 0.25  # the worker decides what is too late; this is for one that does not come back at all
HIDDEN = "feature_"  # columns that the journal keeps and a client does not see


def build(
    source: System | Shelf, *, face: Face | None, limits: Limits, journal: Writes | None = None, seed: int = 0
) -> FastAPI:
    """The application; `mlsd_lib.online.service.app` is its public name.

    Args:
        source: A System, or a store of saved ones with a current version.
        face: The fields of its requests; None for those of the system's kind.
        limits: What is refused.
        journal: Where what was served is written.
        seed: Seed of the draw that picks the canary's users.

    Returns:
        An application with its `Runner` in `state.runner`.

    Raises:
        ValueError: If there is nothing that can be served.

    Chapter: Online execution.
    """
    meters = Meters()
    runner = Runner(source, face=face, limits=limits, meters=meters, journal=journal, seed=seed)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(runner.close)

    system = runner.releases.plan.usual.system.name
    service = FastAPI(
        title=f"mlsd {system}",
        version=__version__,
        description=f"A System of kind {system}, served over HTTP.",
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    service.state.runner = runner
    _answers(service, runner)
    _pages(service, runner)
    _admin(service, runner)
    routes = frozenset(getattr(route, "path", "") for route in service.routes)
    service.add_middleware(Guard, limits=limits, meters=meters, routes=routes)
    service.add_exception_handler(RefusedError, _refused)
    service.add_exception_handler(RequestValidationError, _unsound)
    service.add_exception_handler(HTTPException, _http)
    service.add_exception_handler(Exception, _ours)
    return service


def _answers(service: FastAPI, runner: Runner) -> None:
    face, limits = runner.face, runner.limits

    async def answer(request: Request, body: Any) -> Response:
        rows = [_row(one) for one in body.requests]
        for row in rows:
            row["request_id"] = runner.new_id()
        answer = await _awaited(request, runner, rows, trace=body.trace)
        if answer is None:
            return Response(status_code=499)  # nobody reads it
        content = {
            "version": answer.version,
            "results": [_result(one) for one in answer.served],
            "trace": list(answer.steps),
        }
        return Response(json.dumps(content, allow_nan=False), media_type="application/json")

    answer.__annotations__ |= {"request": Request, "body": models.asked(face, limits), "return": Response}
    service.add_api_route(
        face.path,
        answer,
        methods=["POST"],
        response_model=models.Answers,
        responses=_refusals(400, 408, 413, 422, 429, 500, 503),
        summary="Answer requests",
    )


async def _awaited(request: Request, runner: Runner, rows: list[dict[str, Any]], *, trace: bool) -> Answer | None:
    """The answer, within its time; None where the client left, which takes its request out of the queue."""
    answer = asyncio.wrap_future(runner.submit(rows, trace=trace))
    left = asyncio.ensure_future(request.receive())  # the body is read, so all that can come is that the client left
    both: set[asyncio.Future[Any]] = {answer, left}
    try:
        await asyncio.wait(both, timeout=runner.limits.answer_s + GRACE_S, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        if left.done():
            runner.meters.hung_up.inc()
            return None
        raise runner.too_late()
    finally:
        left.cancel()
        answer.cancel()


def _row(one: Any) -> dict[str, Any]:
    return {name: value for name, value in one if value is not None}


def _result(one: Served) -> dict[str, Any]:
    columns = {name: values for name, values in one.shown.items() if not name.startswith(HIDDEN)}
    finite = {
        name: [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]
        for name, values in columns.items()
    }
    shown = [dict(zip(finite, values, strict=True)) for values in zip(*finite.values(), strict=True)]
    return {"request_id": one.request_id, "version": one.version, "arm": one.arm, "shown": shown}


def _pages(service: FastAPI, runner: Runner) -> None:
    @service.get("/health", response_model=models.Status, summary="Whether the process is alive")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @service.get(
        "/ready", response_model=models.Status, responses=_refusals(503), summary="Whether it takes new requests"
    )
    async def ready() -> dict[str, str]:
        if runner.draining:
            raise RefusedError(503, "draining", "The service is shutting down.", retry_after_s=1)
        return {"status": "ready"}

    @service.get("/metrics", response_class=Response, summary="What it counted, in Prometheus' text format")
    async def metrics() -> Response:
        return Response(runner.meters.text(), media_type=CONTENT_TYPE_LATEST)

    @service.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        policy = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(page(service.openapi()), headers=policy)


def _admin(service: FastAPI, runner: Runner) -> None:
    """What an operator on this machine may change; each answer tells what is live then."""
    releases = runner.releases
    told: dict[str, Any] = {"response_model": models.Live, "responses": _refusals(400, 403, 404, 409, 422, 500, 503)}

    async def change(request: Request, kind: str, action: Callable[[], None]) -> dict[str, object]:
        _from_here(request)
        try:
            await asyncio.to_thread(action)  # loading takes a while, and answers go on meanwhile
            live = await asyncio.to_thread(releases.told)
        except (OSError, ValueError) as error:
            runner.meters.releases.labels(kind, "refused").inc()
            raise RefusedError(409, "unfit_store", f"The store cannot be used: {error}") from error
        except RefusedError:
            runner.meters.releases.labels(kind, "refused").inc()
            raise
        runner.meters.releases.labels(kind, "done").inc()
        return live

    @service.get("/admin/versions", summary="What is live", **told)
    async def versions(request: Request) -> dict[str, object]:
        return await change(request, "told", lambda: None)

    @service.post("/admin/swap", summary="Serve another version", **told)
    async def swap(request: Request, body: models.Name) -> dict[str, object]:
        return await change(request, "swap", lambda: releases.swap(body.version))

    @service.post("/admin/rollback", summary="Serve the version before", **told)
    async def rollback(request: Request, body: models.Nothing) -> dict[str, object]:
        return await change(request, "rollback", releases.rollback)

    @service.post("/admin/canary", summary="Give a share of users to a version", **told)
    async def canary(request: Request, body: models.Share) -> dict[str, object]:
        return await change(request, "canary", lambda: releases.canary(body.version, body.share))

    @service.post("/admin/shadow", summary="Run a version beside the others", **told)
    async def shadow(request: Request, body: models.NameOrNone) -> dict[str, object]:
        return await change(request, "shadow", lambda: releases.shadow(body.version))


def _from_here(request: Request) -> None:
    """Refuse an operator who is not on this machine, or a web page that speaks through a browser on it.

    A proxy on this machine would make everybody look local, so what came through one is refused, too.
    """
    client = request.client.host if request.client else ""
    host = request.url.hostname or ""
    foreign = [name for name in ("origin", "forwarded", "x-forwarded-for") if name in request.headers]
    if client not in LOOPBACK or host not in LOOPBACK or foreign:
        raise RefusedError(403, "not_local", "Only programs on the service's own machine may do that.")


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": models.Problem, "description": HTTPStatus(status).phrase} for status in statuses}


def _problem(refusal: RefusedError) -> Response:
    return JSONResponse(refusal.body(), refusal.status, refusal.headers())


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return _problem(error)


async def _unsound(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = error.errors()
    where = tuple(wrong[0]["loc"])
    path = ".".join(str(part) for part in where[1:]) or "body"
    more = f" ({len(wrong) - 1} more faults.)" if len(wrong) > 1 else ""
    return _problem(RefusedError(422, "unsound_request", f"{path}: {wrong[0]['msg']}.{more}", where=where))


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    response = _problem(RefusedError(error.status_code, code, f"{error.detail}."))
    response.headers.update(error.headers or {})
    return response


async def _ours(_: Request, error: Exception) -> Response:
    return _problem(RefusedError(500, "our_fault", "The service failed on this request; it has been logged."))
