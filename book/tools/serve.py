"""The built site on this machine, and JupyterLab in which a chapter opens as a notebook."""

from __future__ import annotations

import errno
import functools
import gzip
import http.server
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
PACKED = {".html", ".css", ".js", ".json", ".svg", ".txt", ".xml", ".ipynb", ".map"}

LAB_SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {
        "defaultViewers": {"markdown": "Jupytext Notebook", "myst": "Jupytext Notebook"}
    },
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files, packed with gzip where the browser takes it and the file is text."""

    protocol_version = "HTTP/1.1"

    def send_head(self) -> io.BytesIO | IO[bytes] | None:  # type: ignore[override]
        """Send the header of an answer, and return its content."""
        path = Path(self.translate_path(self.path))
        if path.is_dir() and self.path.split("?")[0].endswith("/"):
            path /= "index.html"
        takes_gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        if not (takes_gzip and path.suffix in PACKED and path.is_file()):
            return super().send_head()
        content = packed(path, path.stat().st_mtime_ns)
        self.send_response(http.HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Vary", "Accept-Encoding")
        self.end_headers()
        return io.BytesIO(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name that the base class gives it)
        """Say nothing about requests."""


@functools.lru_cache(maxsize=256)
def packed(path: Path, changed_ns: int) -> bytes:
    """A file packed with gzip; `changed_ns` tells versions of it apart."""
    return gzip.compress(path.read_bytes(), compresslevel=6, mtime=0)


def server(root: Path, port: int) -> http.server.ThreadingHTTPServer:
    """A server of the built site, listening on loopback.

    Args:
        root: The root of the book.
        port: The port; 0 takes a free one.

    Returns:
        The server, which has not started to answer.

    Raises:
        FileNotFoundError: If the site has not been built.
        OSError: If the port cannot be had.

    Chapter: How to read this book.
    """
    html = root / "_build" / "html"
    if not (html / "index.html").is_file():
        raise FileNotFoundError("The site has not been built. Run `make book` (or `mlsd book`) first.")
    return http.server.ThreadingHTTPServer((HOST, port), functools.partial(Handler, directory=str(html)))


def serve(root: Path, port: int = 8000) -> int:
    """Serve the built site until Ctrl-C.

    Args:
        root: The root of the book.
        port: The port on loopback; 0 takes a free one.

    Returns:
        0 after Ctrl-C; 1 where there is no site or the port is taken.

    Chapter: How to read this book.
    """
    try:
        httpd = server(root, port)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "is taken by another program" if taken else f"cannot be opened ({error.strerror})"
        print(f"Port {port} {reason}. Choose another one, such as --port {port + 1}.", file=sys.stderr)
        return 1
    with httpd:
        print(f"The site: http://{HOST}:{httpd.server_address[1]}/ (Ctrl-C ends)", flush=True)
        try:
            httpd.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def lab(root: Path) -> int:
    """Start JupyterLab on loopback, with chapters opening as notebooks.

    Args:
        root: The root of the book, which is also the folder that JupyterLab shows.

    Returns:
        JupyterLab's exit code; 0 after Ctrl-C.

    Chapter: How to read this book.
    """
    try:
        return subprocess.run(lab_command(root), cwd=root, env=lab_environment(root), check=False).returncode
    except KeyboardInterrupt:
        return 0


def lab_command(root: Path) -> list[str]:
    """The command that starts JupyterLab.

    Args:
        root: The root of the book.

    Returns:
        The command's words.

    Chapter: How to read this book.
    """
    options = {
        "ServerApp.ip": HOST,
        "ServerApp.root_dir": str(root),
        "LabApp.extension_manager": "readonly",  # it would ask the package index
        "LabApp.default_url": "/lab/tree/chapters",
    }
    return [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]


def lab_environment(root: Path) -> dict[str, str]:
    """The environment that makes Markdown pages open as notebooks, without touching the user's own settings.

    Args:
        root: The root of the book; the settings are written below its `_build`.

    Returns:
        Environment variables.

    Chapter: How to read this book.
    """
    config = root / "_build" / "lab"
    settings = config / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(LAB_SETTINGS, indent=1), "utf8")
    others = os.environ.get("JUPYTER_CONFIG_PATH")
    paths = os.pathsep.join([str(config), *([others] if others else [])])
    return {**os.environ, "JUPYTER_CONFIG_PATH": paths, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
