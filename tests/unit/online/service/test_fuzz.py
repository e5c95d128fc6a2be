"""A fuzz run over the service's own OpenAPI description: every answer is a described one, none a 5xx."""

import contextlib

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from mlsd_lib.online import service
from mlsd_lib.online.versions import Store
from tests.unit.online.service.helpers import Allergic, behind, lexical

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
BOUNDED = settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def local(application):
    """The application as a program on the same machine sees it."""

    async def asgi(scope, receive, send):
        if scope["type"] == "http":
            others = [pair for pair in scope["headers"] if pair[0] != b"host"]
            scope = {**scope, "client": ("127.0.0.1", 5_000), "headers": [*others, (b"host", b"127.0.0.1")]}
        with contextlib.suppress(ZeroDivisionError):  # as uvicorn does, once the answer is out
            await application(scope, receive, send)

    return asgi


def fuzzed(application) -> dict[str, set[int]]:
    """The statuses that each operation gave to requests that fit its description and to ones that do not."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", local(application))
    statuses: dict[str, set[int]] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        cases = operation.as_strategy() | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
        if operation.path.startswith("/admin") and operation.body:
            cases |= operation.as_strategy(body={"version": "v0002"})  # seldom guessed

        @BOUNDED
        @given(case=cases)
        def send(case):
            response = case.call_and_validate(checks=CHECKS)
            statuses.setdefault(case.operation.label, set()).add(response.status_code)

        send()
    return statuses


def test_a_fuzz_run_over_its_own_description_finds_no_5xx(tmp_path):
    store = Store(tmp_path)
    store.point_to(store.save(lexical()))
    store.save(lexical(seed=1))
    application = service.app(store)
    try:
        statuses = fuzzed(application)
    finally:
        application.state.runner.close()
    posts = {name: codes for name, codes in statuses.items() if name.startswith("POST") and "rollback" not in name}
    assert sorted(posts) == ["POST /admin/canary", "POST /admin/shadow", "POST /admin/swap", "POST /search"]
    assert all({200, 422} <= codes for codes in posts.values()), statuses
    assert store.current() == "v0002"


def test_the_fuzz_run_would_find_a_system_that_fails():
    application = service.app(behind(Allergic("")))
    try:
        with pytest.raises(BaseException, match="Server error"):
            fuzzed(application)
    finally:
        application.state.runner.close()
