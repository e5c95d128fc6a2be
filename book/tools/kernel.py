"""The surroundings of a page's kernel: one thread, fixed hashes, and no settings of the user's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",  # LightGBM asks for a thread a core whatever the line above says; two pages would fight
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "MLSD_STATIC": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}

# The first line keeps ipykernel's warning about TCP out of the pages; the second lets kernels run side by side,
# which would otherwise share one database of past commands.
IPYTHON_CONFIG = "c.IPKernelApp.log_level = 40\nc.HistoryManager.enabled = False\n"


def environment(root: Path) -> dict[str, str]:
    """The environment variables of a kernel that executes a page.

    Args:
        root: The root of the book; a small IPython profile is written below its `_build`, so that neither the start-up
            files nor the history of the user's own IPython reach a page.

    Returns:
        This process's environment with the fixed variables in it.

    Chapter: How to read this book.
    """
    profile = root / "_build" / "ipython" / "profile_default"
    config = profile / "ipython_kernel_config.py"
    if not config.is_file() or config.read_text("utf8") != IPYTHON_CONFIG:
        profile.mkdir(parents=True, exist_ok=True)
        config.write_text(IPYTHON_CONFIG, "utf8")
    # the library that the key was made from must be the one that the page imports, also in a second checkout
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, **VARIABLES, "IPYTHONDIR": str(profile.parent), "PYTHONPATH": path}


def manager() -> Any:
    """A kernel manager whose kernel is always this Python, whatever kernels the user has installed.

    Returns:
        An asynchronous manager that has not started its kernel.

    Chapter: How to read this book.
    """
    import ipykernel.kernelspec
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return KernelSpec(resource_dir=ipykernel.kernelspec.RESOURCES, **ipykernel.kernelspec.get_kernel_dict())

    return AsyncKernelManager(kernel_name="python3", kernel_spec_manager=ThisPython())
