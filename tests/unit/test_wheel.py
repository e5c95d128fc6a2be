"""The library as a user installs it: one wheel, without the book around it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USE = """
import sys
import pandas as pd
from mlsd_lib import datasets
from mlsd_lib.systems import search

assert sys.argv[1] in search.__file__, search.__file__
documents = pd.DataFrame({"doc_id": [1, 2], "title": ["Bella Napoli", "Sakura"], "text": ["Pizza", "Sushi"]})
print(search.fit(documents).run(pd.DataFrame({"request_id": [0], "query": ["piza"]}))["doc_id"].tolist())
print("cranfield" in datasets.names())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_library_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"mlsd_lib", f"{wheel.name.split('-py3')[0]}.dist-info"}
    assert {"mlsd_lib/py.typed", "mlsd_lib/registry.yml"} <= set(names)


def test_it_works_where_there_is_no_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True)
    use = f"import sys; sys.path.insert(0, {str(target)!r}); sys.argv.append({str(target)!r})\n{USE}"
    done = subprocess.run([sys.executable, "-c", use], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["[1]", "True"]
