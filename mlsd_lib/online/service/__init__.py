"""A real HTTP service around a System: limits, micro-batches, journal, metrics, releases, graceful shutdown.

It needs FastAPI, uvicorn and prometheus-client, which `pip install "mlsd-lib[serve]"` brings.
"""

from __future__ import annotations

import contextlib
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mlsd_lib.online.service.faces import Face
from mlsd_lib.online.service.limits import Limits
from mlsd_lib.online.service.process import Running, start

if TYPE_CHECKING:
    from fastapi import FastAPI

    from mlsd_lib.architecture import System
    from mlsd_lib.online.service.live import Shelf
    from mlsd_lib.online.service.runner import Writes

__all__ = ["Face", "Limits", "Running", "app", "background", "serve", "start"]

EXTRA = ("fastapi", "uvicorn", "prometheus_client")


def app(
    source: System | Shelf,
    *,
    limits: Limits | None = None,
    journal: Writes | None = None,
    face: Face | None = None,
    seed: int = 0,
) -> FastAPI:
    """The service of a System as an ASGI application.

    Endpoints: `POST /search` (or the path of another system's face), `GET /health`, `/ready`, `/metrics`,
    `/openapi.json` and `/docs`; on loopback only, `GET /admin/versions` and `POST /admin/swap`, `/admin/rollback`,
    `/admin/canary` and `/admin/shadow`.

    Args:
        source: A System, or a `Store` with a current version, which can then be swapped while it serves.
        limits: What is refused; None for the defaults.
        journal: A `Journal` for what was served; written before the answer goes out.
        face: The fields of its requests; None for those of the system's kind, by its name.
        seed: Seed of the draw that picks a canary's users.

    Returns:
        The application; its `state.runner` has the queue and the versions.

    Raises:
        ModuleNotFoundError: If the extra is not installed.
        ValueError: If nothing can be served: no current version, a damaged one, or a kind without a face.

    Chapter: Online execution.

    >>> import pandas as pd
    >>> from mlsd_lib.systems import search
    >>> documents = pd.DataFrame({"doc_id": [3, 8], "title": ["Pizza", "Taxi"], "text": ["thin crust", "at night"]})
    >>> app(search.fit(documents)).title
    'mlsd search'
    """
    check_extra()
    from mlsd_lib.online.service.application import build

    return build(source, face=face, limits=limits or Limits(), journal=journal, seed=seed)


def serve(
    source: System | Shelf,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    journal: Writes | None = None,
    face: Face | None = None,
    seed: int = 0,
    until_closed: bool = False,
) -> int:
    """Serve a System from this process until SIGTERM or Ctrl+C; what was accepted is answered first.

    Args:
        source: As `app`.
        host: The address to listen on; anything but loopback is open to others, who may then ask, but not administer.
        port: The port; 0 for any that is free. The first line of output names it.
        limits: As `app`.
        journal: As `app`.
        face: As `app`.
        seed: As `app`.
        until_closed: Whether to end, too, when standard input is closed.

    Returns:
        The exit code.

    Raises:
        ModuleNotFoundError: If the extra is not installed.
        ValueError: As `app`, or if the port cannot be had.

    Chapter: Online execution.
    """
    application = app(source, limits=limits, journal=journal, face=face, seed=seed)
    from mlsd_lib.online.service.serving import run

    return run(application, limits or Limits(), host, port, until_closed=until_closed)


def background(
    source: System | Shelf,
    *,
    limits: Limits | None = None,
    journal: Writes | None = None,
    face: Face | None = None,
    seed: int = 0,
) -> contextlib.AbstractContextManager[str]:
    """Serve a System from a thread of this process, on a free port of loopback.

    For measurements use `start`: a thread shares the interpreter with whoever measures.

    Args:
        source: As `app`.
        limits: As `app`.
        journal: As `app`.
        face: As `app`.
        seed: As `app`.

    Returns:
        A context manager that gives the URL, and ends the service.

    Raises:
        ModuleNotFoundError: If the extra is not installed.
        ValueError: As `app`.

    Chapter: Online execution.
    """
    application = app(source, limits=limits, journal=journal, face=face, seed=seed)
    from mlsd_lib.online.service import serving

    return serving.background(application, limits or Limits())


def check_extra() -> None:
    """Raise an error that names the extra, unless what a service needs is installed.

    Raises:
        ModuleNotFoundError: If something is missing.

    Chapter: Online execution.

    >>> check_extra()
    """
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f'A service needs {", ".join(missing)}, which are not installed. Run: pip install "mlsd-lib[serve]"'
        )
