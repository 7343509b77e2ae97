"""The notebooks: paired, stripped, defining nothing, and executed on the sample set with small settings."""

import ast
import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

from tests.networks import negative
from tests.picture_folders import photograph, save

ROOT = Path(__file__).parent.parent
RECORDS, PHOTOS = NOTEBOOKS = sorted((ROOT / "colab").glob("*.ipynb"))
SMALL = "--features 4 --patch 16x16 --batch 4 --steps 4 --validate-every 4 --validation-pictures 1"
COLAB = """\
import shutil, sys
from unittest.mock import MagicMock
colab = sys.modules["google.colab"] = MagicMock()
colab.drive.mount = lambda folder: print("mounted", folder)
colab.auth.authenticate_user = lambda: print("authenticated")
colab.files.upload = lambda folder: shutil.copy("mine.png", folder)
colab.files.download = lambda file: print("downloaded", file)
"""
"""What Colab imports into every kernel, as far as the notebooks use it."""
COMMANDS = {
    "git": f'#!/bin/sh\necho "git $@" >> "$CALLS"\nln -s "{ROOT}" "$3"\n',
    "pip": '#!/bin/sh\necho "pip $@" >> "$CALLS"\n',
}
"""Stand-ins for commands that need a network: they note what they were asked, and `git clone` links to this tree."""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to open a notebook in, outside of which it leaves nothing."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("TMPDIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def calls(place, monkeypatch):
    """The file in which stand-ins for commands note what they were asked."""
    for name, script in COMMANDS.items():
        path = place / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)
    folders = [str(place / "bin"), os.path.dirname(sys.executable), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    monkeypatch.setenv("CALLS", str(place / "calls"))
    return place / "calls"


def code_cells(path):
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def execute(path, place, settings, first="", until=None):
    """Run a notebook with some of its settings replaced, up to a heading; return it with its outputs, as text."""
    notebook = nbformat.read(path, 4)
    sources = [cell.source for cell in notebook.cells]
    if until:
        del notebook.cells[sources.index(until) :]
    (index,) = [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    for name, value in settings.items():
        assert re.search(rf"^{name} = ", sources[index], re.MULTILINE), f"{name} is no setting of {path.name}"
        notebook.cells[index].source += f"\n{name} = {value!r}"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    # Killed at once, with the TensorBoard that it has started.
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(place)}}, shutdown_kernel="immediate"
    )
    client.execute()
    return nbformat.writes(notebook)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_equals_its_text_and_has_no_outputs(path):
    notebook, text = nbformat.read(path, 4), jupytext.read(path.with_suffix(".py"))
    assert notebook.metadata.jupytext.formats == "ipynb,py:percent"
    assert [(cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells] == [
        (cell.cell_type, cell.source, cell.metadata) for cell in text.cells
    ], f"run: jupytext --sync {path.relative_to(ROOT)}"
    for cell in code_cells(path):
        assert not cell.outputs and cell.execution_count is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_defines_nothing_and_stops_at_a_command_that_fails(path):
    commands = 0
    for cell in code_cells(path):
        lines = cell.source.splitlines()
        for line, after in zip(lines, [*lines[1:], ""], strict=True):
            if line.lstrip().startswith("!"):
                commands += 1
                assert after.lstrip().startswith("assert _exit_code == 0"), line
        # Commands as Python knows them, so that what is around them can be parsed.
        tree = ast.parse("\n".join(re.sub(r"^(\s*)[!%].*", r"\1pass", line) for line in lines))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
    assert commands > 2


def test_all_notebooks_get_the_package_in_the_same_way():
    first, *others = [[cell.source for cell in code_cells(path) if "git clone" in cell.source] for path in NOTEBOOKS]
    assert len(first) == 1 and all(other == first for other in others)


def test_records_training_evaluation_and_export_run_on_the_sample(place):
    settings = {
        "FOLDER": str(place / "my drive"),
        "SOURCE": "sample --draws 1 --sigma 0.5 2.5 --limit 2 --resize 48x64",
        "OPTIONS": SMALL,
    }
    outputs = execute(RECORDS, place, settings)
    assert outputs.count('"image/png"') == 2 and "Output against input" in outputs
    assert "/tensorboard" in outputs and "Failed to launch" not in outputs
    run = place / "my drive" / "runs" / "sample"
    for name in ("best.keras", "evaluation/summary.json", "saved_model/saved_model.pb"):
        assert (run / name).is_file()


@pytest.mark.parametrize(
    "folder, machine, extra, prepared",
    [
        ("/content/drive/MyDrive/tfdeblur", "v5e-1", ".[cpu]", "mounted /content/drive"),
        ("gs://bucket/tfdeblur", None, ".", "authenticated"),
    ],
)
def test_colab_gets_the_package_that_suits_its_machine(place, calls, monkeypatch, folder, machine, extra, prepared):
    monkeypatch.delenv("TPU_ACCELERATOR_TYPE", raising=False)
    if machine:
        monkeypatch.setenv("TPU_ACCELERATOR_TYPE", machine)
    settings = {"REPOSITORY": "https://somewhere/tfdeblur", "CODE": str(place / "code"), "FOLDER": folder}
    outputs = execute(RECORDS, place, settings, first=COLAB, until="## Records")
    clone, install = calls.read_text().splitlines()
    assert clone == f"git clone https://somewhere/tfdeblur {place / 'code'}"
    assert install == f"pip install --quiet --editable {extra}"
    assert prepared in outputs


def test_photographs_are_uploaded_deblurred_and_downloaded_on_colab(place, calls):
    save(place / "mine.png", photograph(1))
    negative().save(place / "negative.keras")
    settings = {
        "CODE": str(place / "code"),
        "MODEL": str(place / "negative.keras"),
        "PHOTOS": str(place / "my photos"),
        "RESULTS": str(place / "results"),
    }
    first = COLAB.replace("mine.png", str(place / "mine.png"))
    outputs = execute(PHOTOS, place, settings, first)
    assert "deblurred 1 of 1 photographs" in outputs and f"downloaded {place / 'results.zip'}" in outputs
    np.testing.assert_array_equal(np.asarray(Image.open(place / "results" / "mine.png")), 255 - photograph(1))
    # The sheet, and the two pictures of the Python part.
    assert outputs.count('"image/png"') == 3
    assert (place / "results.zip").is_file()


def test_a_command_that_fails_ends_the_notebook(place):
    with pytest.raises(CellExecutionError, match="some were not deblurred"):
        execute(PHOTOS, place, {"PHOTOS": str(place / "nowhere"), "RESULTS": str(place / "results")})
