"""The two files that name versions agree, name no index, and give Binder a recipe."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from book.tools.lock import pinned
from mlsd_lib.cli import checkout

ROOT = checkout()


def conda_pins():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    return dict(line.split("==") for line in pip)


def test_conda_and_pip_users_get_the_same_versions():
    lock = pinned((ROOT / "requirements.txt").read_text())
    conda = conda_pins()
    assert conda.items() <= lock.items()
    assert {"jupyter-book", "jupytext", "ipywidgets", "pandas", "scikit-learn", "lightgbm", "seaborn"} <= conda.keys()


def test_every_locked_package_has_a_hash_and_no_address():
    text = (ROOT / "requirements.txt").read_text()
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text[text.index("\n", text.index("mlsd lock")) + 1 :])
    assert len(blocks) > 100
    assert [b.splitlines()[0] for b in blocks if "--hash=sha256:" not in b] == []
    assert "://" not in text
    assert "index-url" not in text


def test_a_marker_for_another_system_is_left_out():
    assert pinned("colorama==0.4.6 ; sys_platform == 'win32'\npexpect==4.9.0 ; sys_platform != 'win32'") == {
        "pexpect": "4.9.0"
    }


@pytest.mark.skipif(shutil.which("git") is None, reason="repo2docker asks git about the folder; install git")
def test_binder_recipe_is_produced_without_docker(tmp_path):
    for name in ("environment.yml", "postBuild", "apt.txt"):
        shutil.copy(ROOT / name, tmp_path)
    command = [
        sys.executable,
        "-m",
        "repo2docker",
        "--no-build",
        "--debug",
        "--user-id",
        "1000",
        "--user-name",
        "reader",
    ]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=120)
    recipe = done.stdout + done.stderr
    assert done.returncode == 0, recipe[-2000:]
    assert 'env update -p ${NB_PYTHON_PREFIX} --file "environment.yml"' in recipe
    assert "libgomp1" in recipe
    assert "RUN ./postBuild" in recipe
