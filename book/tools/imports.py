"""Which files of the library a piece of code imports, found without running it."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = "mlsd_lib"

# Code that can import what no reader of its text can know: a page that uses any of it depends on the whole library.
DYNAMIC_MODULES = {"importlib", "runpy", "pkgutil", "subprocess"}
STATIC_MODULES = {"importlib.metadata", "importlib.resources"}
DYNAMIC_CALLS = {"__import__", "exec", "eval", "import_module"}


@dataclass(frozen=True)
class Imports:
    """What a piece of code imports of the library.

    Attributes:
        names: Dotted names, such as "mlsd_lib.metrics"; some may name a function rather than a module.
        stars: Packages of which `*` is imported.
        dynamic: Whether the code can import what its text does not name.
    """

    names: frozenset[str] = frozenset()
    stars: frozenset[str] = frozenset()
    dynamic: bool = False


@dataclass(frozen=True)
class Library:
    """The library's files: what each contains and imports.

    Attributes:
        modules: Dotted module name to path from the root.
        digests: Path from the root to the hash of the file; also of files that are not Python.
        imports: Dotted module name to what it imports.
    """

    modules: Mapping[str, str]
    digests: Mapping[str, str]
    imports: Mapping[str, Imports] = field(repr=False)


def library(root: Path) -> Library:
    """Read the library's files.

    Args:
        root: The folder that holds the package.

    Returns:
        The files of the package, with hashes and imports.

    Chapter: How to read this book.
    """
    modules: dict[str, str] = {}
    digests: dict[str, str] = {}
    imports: dict[str, Imports] = {}
    for path in sorted((root / PACKAGE).rglob("*")):
        if not path.is_file() or path.suffix in {".pyc", ".pyo"} or "__pycache__" in path.parts:
            continue
        name = path.relative_to(root).as_posix()
        content = path.read_bytes()
        digests[name] = hashlib.sha256(content).hexdigest()
        if path.suffix == ".py":
            is_package = path.name == "__init__.py"
            parts = path.relative_to(root).with_suffix("").parts
            module = ".".join(parts[:-1] if is_package else parts)
            modules[module] = name
            imports[module] = imports_of(content.decode("utf8"), package=".".join(parts[:-1]))
    return Library(modules, digests, imports)


def imports_of(code: str, package: str = "") -> Imports:
    """What a piece of Python code imports of the library, functions' bodies included.

    Args:
        code: Python code, without IPython's magics.
        package: The package that relative imports start from.

    Returns:
        The imported names. Code that is not valid Python counts as dynamic.

    Chapter: How to read this book.

    >>> sorted(imports_of("from mlsd_lib.systems import search").names)
    ['mlsd_lib.systems', 'mlsd_lib.systems.search']
    """
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return Imports(dynamic=True)
    names: set[str] = set()
    stars: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
            stars.update(base for alias in node.names if alias.name == "*")
    dynamic = any(_dynamic(name) for name in names) or any(_calls_import(node) for node in ast.walk(tree))
    return Imports(frozenset(filter(_ours, names)), frozenset(filter(_ours, stars)), dynamic)


def closure(start: Imports, files: Library) -> list[str]:
    """The library's files that code depends on, through whatever those import in turn.

    Args:
        start: What the code itself imports.
        files: The library.

    Returns:
        Sorted paths from the root: Python files, and every file of the library that is not Python. All of them
        where the code, or a module it reaches, imports dynamically.

    Chapter: How to read this book.
    """
    data = {name for name in files.digests if not name.endswith(".py")}
    waiting, seen = [start], set[str]()
    while waiting:
        found = waiting.pop()
        if found.dynamic:
            return sorted(files.digests)
        for module in _reached(found, files.modules):
            if module not in seen:
                seen.add(module)
                waiting.append(files.imports[module])
    return sorted({files.modules[module] for module in seen} | (data if seen else set()))


def _reached(found: Imports, modules: Iterable[str]) -> set[str]:
    reached: set[str] = set()
    known = set(modules)
    for name in found.names:
        parts = name.split(".")
        reached.update(".".join(parts[:end]) for end in range(1, len(parts) + 1))  # a package's own file runs first
    for package in found.stars:
        reached.update(module for module in known if module.startswith(package + "."))
    return reached & known


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(PACKAGE + ".")


def _dynamic(name: str) -> bool:
    if any(name == static or name.startswith(static + ".") for static in STATIC_MODULES):
        return False
    if name == "importlib":
        return False  # named as the base of `from importlib import metadata`; a call is seen by its own name
    return name.split(".")[0] in DYNAMIC_MODULES


def _calls_import(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    if isinstance(function, ast.Name):
        return function.id in DYNAMIC_CALLS
    if not isinstance(function, ast.Attribute):
        return False
    shell = isinstance(function.value, ast.Call) and ast.unparse(function.value) == "get_ipython()"
    return shell or function.attr == "import_module"  # `get_ipython().…` is what magics and shell commands become
