"""What `mlsd serve NAME` serves: a system fitted to its world, a saved one, or the current version of a store."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from mlsd_lib.online.service import Limits, check_extra, serve
from mlsd_lib.online.service.limits import LOOPBACK

if TYPE_CHECKING:  # every command reads this module, and most need no system
    from mlsd_lib.architecture import System
    from mlsd_lib.online.versions import Store

NAMES = ("search", "ads")
SIZE = 2_000  # documents or ads in the world of a named system: fitted in seconds


def add_to(sub: argparse.ArgumentParser) -> None:
    """Add the words of a service to a command's grammar.

    Args:
        sub: The parser of `mlsd serve`.

    Chapter: Online execution.

    >>> parser = argparse.ArgumentParser()
    >>> add_to(parser)
    >>> parser.parse_args(["--batch", "1"]).batch
    1
    """
    sub.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)")
    sub.add_argument("--store", metavar="FOLDER", help="versions: serve the current one; a new store gets the system")
    sub.add_argument("--journal", metavar="FOLDER", help="where to write what was served")
    sub.add_argument("--until-closed", action="store_true", help="end, too, when standard input is closed")
    for bound in fields(Limits):
        text = f"limit, in {bound.metadata['unit']} (default: {bound.default:g})"
        sub.add_argument(
            f"--{bound.name.replace('_', '-')}", type=type(bound.default), default=bound.default, help=text
        )


def run(arguments: argparse.Namespace) -> int:
    """Serve what was named.

    Args:
        arguments: What the grammar of `mlsd serve` read; `what` is a name or a folder.

    Returns:
        The exit code.

    Chapter: Online execution.
    """
    try:
        check_extra()
        limits = Limits(**{bound.name: getattr(arguments, bound.name) for bound in fields(Limits)})
        if arguments.host not in LOOPBACK:
            print(f"mlsd: {arguments.host} is open to other machines. They may ask; swaps stay local.", file=sys.stderr)
        source = _source(arguments.what, arguments.store)
        journal = None
        if arguments.journal:
            from mlsd_lib.online.journal import Journal

            journal = Journal(arguments.journal)
        try:
            return serve(
                source,
                host=arguments.host,
                port=arguments.port,
                limits=limits,
                journal=journal,
                until_closed=arguments.until_closed,
            )
        finally:
            if journal is not None:
                journal.close()
    except (ModuleNotFoundError, ValueError) as error:
        print(f"mlsd: {error}", file=sys.stderr)
        return 2


def named(name: str, *, size: int = SIZE, seed: int = 0) -> System:
    """A system fitted to its simulated world.

    Args:
        name: One of `NAMES`.
        size: Documents or ads in the world.
        seed: Seed of the world and of what is learned.

    Returns:
        The system; search gives the features that it ranked by, for the journal.

    Raises:
        ValueError: If there is no system of that name.

    Chapter: Online execution.

    >>> named("maps")
    Traceback (most recent call last):
    ValueError: serve: no system is called 'maps', and no folder either. Name one of search, ads, or a folder.
    """
    if name == "search":
        from mlsd_lib.systems import search
        from mlsd_lib.worlds.search import SearchWorld

        world = SearchWorld(seed=seed, documents=size)
        asked = world.requests(world.users(2_000, seed=seed + 1), n=1_000, day=0, seed=seed + 1)
        queries = world.queries(asked).head(300)
        rules = search.fit(world.documents, seed=seed)
        found = rules.run(queries.rename(columns={"text": "query"}).assign(request_id=queries["query_id"]))
        pairs = found.rename(columns={"request_id": "query_id"})[["query_id", "doc_id"]]
        judgments = world.judge(pairs, skill=0.8, seed=seed + 2)
        return search.with_features(search.fit(world.documents, queries, judgments, seed=seed))
    if name == "ads":
        return _ads(size, seed)
    raise ValueError(
        f"serve: no system is called {name!r}, and no folder either. Name one of {', '.join(NAMES)}, or a folder."
    )


def _ads(size: int, seed: int) -> System:
    from mlsd_lib.systems import ads
    from mlsd_lib.worlds.ads import AdsWorld

    world = AdsWorld(seed=seed, ads=size)
    asked = world.requests(world.users(2_000, seed=seed + 1), n=3_000, day=0, seed=seed + 2)
    rules = ads.exploring(ads.fit(world.ads, show=10, seed=seed), share=0.3)
    return ads.fit(world.ads, world.respond(asked, rules.run(asked), seed=seed + 3), show=10, seed=seed)


def _source(what: str, folder: str | None) -> System | Store:
    """A store, which gets the named or saved system as its first version if it has none; or the system itself."""
    import mlsd_lib.systems.ads
    import mlsd_lib.systems.search  # noqa: F401  what they register can be loaded
    from mlsd_lib import storage
    from mlsd_lib.architecture import System
    from mlsd_lib.online.versions import Store

    saved = what not in NAMES and Path(what).is_dir()
    if saved and not (Path(what) / storage.MANIFEST).exists():
        if folder is not None:
            raise ValueError(f"serve: {what} is a store already. Leave out --store.")
        return Store(what)
    if folder is None:
        return System.load(what) if saved else named(what)
    store = Store(folder)
    if store.current() is None:
        store.point_to(store.save(System.load(what) if saved else named(what)))
    return store
