"""A System in a folder: arrays, JSON and text, listed with their sha256 in a manifest; no code, no pickle.

A file never says what to import. Each module that defines a kind of component registers it here under a short name
when it is imported, and only registered kinds are made. What a file can do at worst is to be refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlsd_lib import __version__
from mlsd_lib.architecture import Component, Edge, State, System

FORMAT = "mlsd-system"
VERSION = 1
MANIFEST = "manifest.json"
PART = re.compile(r"[A-Za-z_]\w*/[A-Za-z_]\w*\.(npy|json|txt)", re.ASCII)

Restore = Callable[[str, State], Component]


class Kind(NamedTuple):
    """A kind of component that can be saved.

    Attributes:
        type: Its class.
        restore: Makes one from its name and state, and raises ValueError where the state is unsound.
    """

    type: type
    restore: Restore


KINDS: dict[str, Kind] = {}
EDGES: dict[str, Edge] = {}


def register(kind: str, type_: type, restore: Restore) -> None:
    """Make a kind of component known to `save` and `load`.

    Args:
        kind: A short name, kept in the files; it has to stay the same from version to version.
        type_: The component's class.
        restore: Makes a component from its name and state; it must check the state, which may come from anywhere.

    Chapter: Architecture.

    >>> register("doctest-kind", type("Doctest", (), {}), lambda name, state: None)
    >>> KINDS.pop("doctest-kind").type.__name__
    'Doctest'
    """
    KINDS[kind] = Kind(type_, restore)


def register_edge(edge: Edge) -> None:
    """Make an edge known to `load`, by its name.

    Args:
        edge: The edge that a saved system names.

    Chapter: Architecture.

    >>> register_edge(Edge("doctest-edge", "request_id", read=dict, write=lambda batch: None))
    >>> EDGES.pop("doctest-edge").key
    'request_id'
    """
    EDGES[edge.name] = edge


def save(system: System, folder: Path) -> None:
    """Write a system to a folder, whole or not at all: a new folder is filled, checked in, and renamed into place.

    Args:
        system: The system, all of whose components are of registered kinds.
        folder: A new folder, or one that holds a saved system, which is replaced.

    Raises:
        ValueError: If the folder holds something else, or a component or its state cannot be saved.

    Chapter: Architecture.
    """
    folder = folder.absolute()
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or (folder / MANIFEST).is_file())):
        raise ValueError(f"save: {folder} exists and holds no saved system, so it is left alone. Name another folder.")
    if EDGES.get(system.edge.name) is not system.edge:
        raise ValueError(f"save: the edge {system.edge.name!r} is not registered. Call storage.register_edge first.")
    kinds = [_kind_of(component) for component in system.components]
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        for component in system.components:
            _write_state(component, fresh / component.name)
        parts = sorted(path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_file())
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "library": __version__,
            "name": system.name,
            "edge": system.edge.name,
            "components": [
                {"name": component.name, "kind": kind, "defined_in": type(component).__module__}
                for component, kind in zip(system.components, kinds, strict=True)
            ],
            "files": {part: _sha256(fresh / part) for part in parts},
        }
        (fresh / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        _swap(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def load(folder: Path) -> System:
    """Read a system that `save` wrote.

    Args:
        folder: The folder it was saved to.

    Returns:
        The system.

    Raises:
        ValueError: If there is no saved system, or it is damaged, of a newer format, or of an unknown kind.

    Chapter: Architecture.
    """
    manifest = _manifest(folder)
    edge = EDGES.get(manifest["edge"])
    if edge is None:
        raise ValueError(
            f"load: {folder} is a system of kind {manifest['edge']!r} that is not known here. Its components were "
            f"defined in {manifest['components'][0]['defined_in']!r}: if you trust that module, import it first."
        )
    for component in manifest["components"]:
        if component["kind"] not in KINDS:
            raise ValueError(
                f"load: {folder} has a component of kind {component['kind']!r} that is not known here. It was defined "
                f"in {component['defined_in']!r}: if you trust that module, import it first."
            )
    _verify(folder, manifest["files"])
    try:
        components = [
            KINDS[entry["kind"]].restore(entry["name"], _read_state(folder, entry["name"], manifest["files"]))
            for entry in manifest["components"]
        ]
        return System(manifest["name"], edge, tuple(components))
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise ValueError(f"load: {folder} is damaged: {error}. Save the system again.") from error


def compare(old: str | Path, new: str | Path) -> pd.DataFrame:
    """What differs between two saved systems, such as yesterday's and today's, without making either.

    Args:
        old: A folder that `save` wrote.
        new: Another one.

    Returns:
        A row for each difference, by component: `component` ("" for the system itself), `part` (the file, "kind" or
        "order") and `change`, in words. No row where the two hold the same.

    Raises:
        ValueError: If one of the folders holds no saved system, or is damaged.

    Chapter: Architecture.
    """
    folders = (Path(old), Path(new))
    one, other = (_manifest(folder) for folder in folders)
    for folder, manifest in zip(folders, (one, other), strict=True):
        _verify(folder, manifest["files"])
    kinds, new_kinds = ({entry["name"]: entry["kind"] for entry in side["components"]} for side in (one, other))
    rows = []
    if list(kinds) != list(new_kinds):
        rows.append(("", "order", f"{', '.join(kinds)} -> {', '.join(new_kinds)}"))
    both = [name for name in kinds if name in new_kinds]
    rows += [(name, "kind", f"{kinds[name]} -> {new_kinds[name]}") for name in both if kinds[name] != new_kinds[name]]
    for part in sorted({*one["files"], *other["files"]}):
        if one["files"].get(part) != other["files"].get(part):
            component, file = part.split("/")
            rows.append((component, file, _change(*(folder / part for folder in folders))))
    return pd.DataFrame(rows, columns=["component", "part", "change"])


def _change(old: Path, new: Path) -> str:
    """How the two files of a part differ, in words."""
    if not (old.is_file() and new.is_file()):
        return "only in the old one" if old.is_file() else "only in the new one"
    if old.suffix == ".npy":
        one, other = (np.load(path, allow_pickle=False) for path in (old, new))
        if one.shape != other.shape:
            return f"shape {one.shape} -> {other.shape}"
        return f"{np.mean(one != other):.2%} of {one.size:,} values"
    if old.suffix == ".txt":
        before, after = (path.read_bytes().count(b"\n") for path in (old, new))
        return f"text of {before:,} -> {after:,} lines"
    held, told = (json.loads(path.read_text(encoding="utf-8")) for path in (old, new))
    return ", ".join(sorted(name for name in {*held, *told} if held.get(name) != told.get(name)))


def _kind_of(component: Component) -> str:
    for kind, known in KINDS.items():
        if type(component) is known.type:
            return kind
    raise ValueError(
        f"save: component {component.name!r} is a {type(component).__name__}, a kind that is not registered, so it "
        "could not be loaded again. Call storage.register for it first."
    )


def _write_state(component: Component, folder: Path) -> None:
    state = component.state()
    for name in (*state.arrays, *state.texts):
        if not PART.fullmatch(f"{component.name}/{name}.npy"):
            raise ValueError(
                f"save: component {component.name!r} has a part {name!r}; names of components, arrays and texts become "
                "file names, so use ASCII letters, digits and underscores."
            )
    folder.mkdir()
    for name, values in state.arrays.items():
        if values.dtype.kind not in "biuf":
            raise ValueError(
                f"save: component {component.name!r} has an array {name!r} of {values.dtype}; arrays hold numbers or "
                "booleans. Keep strings in State.json."
            )
        np.save(folder / f"{name}.npy", values, allow_pickle=False)
    for name, body in state.texts.items():
        (folder / f"{name}.txt").write_bytes(body.encode("utf-8"))
    try:
        text = json.dumps(dict(state.json), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"save: component {component.name!r} has what JSON cannot hold: {error}.") from None
    (folder / "data.json").write_text(text, encoding="utf-8")


def _read_state(folder: Path, name: str, parts: Mapping[str, str]) -> State:
    arrays, texts = {}, {}
    for part in parts:
        if not part.startswith(f"{name}/"):
            continue
        path = folder / part
        if path.suffix == ".npy":
            arrays[path.stem] = np.load(path, allow_pickle=False)
        elif path.suffix == ".txt":
            texts[path.stem] = path.read_bytes().decode("utf-8")
    data = json.loads((folder / name / "data.json").read_text(encoding="utf-8"))
    return State(arrays=arrays, json=data, texts=texts)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(
            f"load: {folder} holds no saved system ({MANIFEST} is missing). Name a folder that save wrote."
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise ValueError(f"load: {folder} is damaged: {MANIFEST} cannot be read. Save the system again.") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"load: {path} is not the manifest of a saved system. Name a folder that save wrote.")
    version = manifest.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise ValueError(
            f"load: {folder} was saved in format {version} by version {manifest.get('library')} of the library, and "
            f"this version ({__version__}) reads formats up to {VERSION}. Update mlsd-lib."
        )
    if not _is_sound(manifest):
        raise ValueError(f"load: {folder} is damaged: {MANIFEST} lacks what it should list. Save the system again.")
    return manifest


def _verify(folder: Path, files: Mapping[str, str]) -> None:
    """Raise an error unless every part is there and is what was saved."""
    for part, sha256 in files.items():
        path = folder / part
        if not path.is_file():
            raise ValueError(f"load: {folder} is damaged: {part} is missing. Save the system again.")
        if _sha256(path) != sha256:
            raise ValueError(f"load: {folder} is damaged: {part} is not what was saved. Save the system again.")


def _is_sound(manifest: dict[str, Any]) -> bool:
    components, files = manifest.get("components"), manifest.get("files")
    if not isinstance(manifest.get("name"), str) or not isinstance(manifest.get("edge"), str):
        return False
    if not isinstance(components, list) or not components or not isinstance(files, dict):
        return False
    fields = ("name", "kind", "defined_in")
    if not all(isinstance(entry, dict) and all(isinstance(entry.get(f), str) for f in fields) for entry in components):
        return False
    if not all(f"{entry['name']}/data.json" in files for entry in components):
        return False
    return all(PART.fullmatch(part) and isinstance(sha256, str) for part, sha256 in files.items())


def _swap(fresh: Path, folder: Path) -> None:
    """Put `fresh` where `folder` is; if that fails half-way, what was there before comes back."""
    old = fresh.with_name(fresh.name + "-old")
    replaced = folder.exists()
    if replaced:
        folder.rename(old)
    try:
        os.replace(fresh, folder)
    except OSError:
        if replaced:
            with contextlib.suppress(OSError):
                old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
