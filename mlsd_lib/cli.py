"""`mlsd …`: the commands of the course, for machines with and without `make`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mlsd_lib import __version__, serve_command


def checkout() -> Path:
    """The folder of the course's repository, looked for from here upwards, then beside the library.

    Returns:
        The folder that holds `_toc.yml` and `book/`.

    Raises:
        FileNotFoundError: If there is none, as when only the library is installed.

    Chapter: How to read this book.

    >>> (checkout() / "_toc.yml").exists()
    True
    """
    here = Path.cwd().resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "_toc.yml").is_file() and (folder / "book" / "__init__.py").is_file():
            return folder
    raise FileNotFoundError(
        "This command works on the book, and no checkout of the course lies here. "
        "Change into one (the folder with _toc.yml), or clone the repository."
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The words after `mlsd`; those of the process where left out.

    Returns:
        The exit code: 0 where all went well.

    Chapter: How to read this book.

    >>> main(["--version"])
    Traceback (most recent call last):
    SystemExit: 0
    """
    arguments = parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except FileNotFoundError as error:
        print(f"mlsd: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nmlsd: interrupted. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """The command line's grammar, with a help text for every command.

    Returns:
        A parser whose result has a function `command` that takes the result.

    Chapter: How to read this book.

    >>> parser().parse_args(["serve", "--port", "8001"]).port
    8001
    """
    top = argparse.ArgumentParser(prog="mlsd", description="Machine learning systems, by experiment: the course.")
    top.add_argument("--version", action="version", version=f"mlsd-lib {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    book = add("book", _book, "execute every chapter and build the site into _build/html")
    _pace(book)
    serve = add("serve", _serve, "serve a system over HTTP, or, without a name, the built site")
    serve.add_argument("what", nargs="?", help="search, ads, or the folder of a store or a saved system")
    serve.add_argument("--port", type=int, default=8000, help="port; 0 for any that is free (default: 8000)")
    serve_command.add_to(serve)
    add("lab", _lab, "open JupyterLab, where a chapter opens as a notebook on a double click")
    refresh = add("refresh", _refresh, "write new reference outputs, after a change that is meant to change results")
    _pace(refresh)
    bench = add("bench", _bench, "measure the figures that the project promises, as ratios in one run")
    bench.add_argument("names", nargs="*", help="which benchmarks (default: all)")
    test = add("test", _test, "run every check: lint, types, unit tests, chapters, real data, the site in a browser")
    test.add_argument("only", nargs="*", help="which checks, of: lint unit chapters real site (default: all)")
    add("audit", _audit, "run Lighthouse over every page of the built site (needs Node)")
    real = add("real", _real, "compute a system's results on real data and compare them with the stored ones")
    real.add_argument("name", choices=["search", "ads"], help="which system")
    real.add_argument("--refresh", action="store_true", help="store the new results instead of comparing")
    calibrate = add("calibrate", _calibrate, "simulate experiments, and hold their analysis to what it promises")
    calibrate.add_argument("--refresh", action="store_true", help="store the new results instead of comparing")
    new = add("new-chapter", _new_chapter, "write the skeleton of a chapter and enter it into the table of contents")
    new.add_argument("title", help='the chapter\'s title, such as "Scale and latency"')
    new.add_argument("--step", type=int, required=True, choices=range(1, 9), help="which of the eight steps")
    add("lock", _lock, "resolve the dependencies anew into requirements.txt and environment.yml (needs uv)")
    return top


def _pace(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--jobs", type=int, default=2, help="chapters executed at a time (default: 2)")
    sub.add_argument("--limit", type=float, default=300, help="seconds after which a chapter is ended (default: 300)")


def _book(a: argparse.Namespace) -> int:
    root = checkout()
    from book.tools.build import build

    return build(root, jobs=a.jobs, limit_s=a.limit)


def _serve(a: argparse.Namespace) -> int:
    if a.what is not None:
        return serve_command.run(a)
    root = checkout()
    from book.tools.build import serve

    return serve(root, port=a.port)


def _lab(a: argparse.Namespace) -> int:
    root = checkout()
    from book.tools.build import lab

    return lab(root)


def _refresh(a: argparse.Namespace) -> int:
    root = checkout()
    from book.tools.references import refresh

    return refresh(root, jobs=a.jobs, limit_s=a.limit)


def _bench(a: argparse.Namespace) -> int:
    import subprocess

    return subprocess.run([sys.executable, "-m", "tests.benchmarks", *a.names], cwd=checkout()).returncode


def _test(a: argparse.Namespace) -> int:
    root = checkout()
    from book.tools.suite import run

    return run(root, only=a.only)


def _audit(a: argparse.Namespace) -> int:
    root = checkout()
    from book.tools.audit import audit

    return audit(root)


def _real(a: argparse.Namespace) -> int:
    from mlsd_lib.real import run

    return run(a.name, refresh=a.refresh)


def _calibrate(a: argparse.Namespace) -> int:
    from mlsd_lib.calibration import run

    return run(refresh=a.refresh)


def _new_chapter(a: argparse.Namespace) -> int:
    root = checkout()
    from book.tools.skeleton import new_chapter

    return new_chapter(root, title=a.title, step=a.step)


def _lock(a: argparse.Namespace) -> int:
    root = checkout()
    from book.tools.lock import lock

    return lock(root)
