"""`mlsd new-chapter`: what it writes is a whole chapter, and nothing is overwritten."""

import shutil

import jupytext
import pytest
import yaml

from book.tools.skeleton import new_chapter
from mlsd_lib.cli import checkout


@pytest.fixture
def root(tmp_path):
    shutil.copy(checkout() / "_toc.yml", tmp_path)
    return tmp_path


def framework(root):
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    (part,) = [p for p in toc["parts"] if p["caption"].startswith("The framework")]
    return [chapter["file"] for chapter in part["chapters"]]


def test_chapter_is_entered_in_the_order_of_the_steps(root):
    before = framework(root)
    assert new_chapter(root, title="Debugging", step=8) == 0
    assert new_chapter(root, title="Scale and latency", step=2) == 0
    after = framework(root)
    assert after == sorted([*before, "chapters/framework/02-scale-and-latency", "chapters/framework/08-debugging"])
    assert (root / "chapters/framework/02-scale-and-latency.md").is_file()


def test_skeleton_runs_as_a_notebook(root, capsys):
    new_chapter(root, title="Scale and latency", step=2)
    notebook = jupytext.read(root / "chapters/framework/02-scale-and-latency.md")
    assert notebook.metadata["mlsd"] == {"step": 2, "title": "Scale and latency"}
    namespace = {}
    capsys.readouterr()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(cell.source, namespace)
    printed = capsys.readouterr().out
    assert "scale_and_latency_above = 0.1" in printed
    assert "the two shares make a whole" in printed


def test_an_existing_chapter_is_left_alone(root, capsys):
    assert new_chapter(root, title="Scale", step=2) == 0
    path = root / "chapters/framework/02-scale.md"
    path.write_text("mine")
    toc = (root / "_toc.yml").read_text()
    assert new_chapter(root, title="Scale", step=2) == 2
    assert path.read_text() == "mine"
    assert (root / "_toc.yml").read_text() == toc
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("title", ["", "???", "42"])
def test_a_title_without_letters_is_refused(root, title):
    assert new_chapter(root, title=title, step=1) == 2
