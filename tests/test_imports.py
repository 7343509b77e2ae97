"""The import rule of the README, and what importing the package must not cost."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = [
    {
        "config",
        "physics",
        "storage",
        "locking",
        "ranges",
        "numpy_files",
        "keras_files",
        "commandline",
        "provenance",
        "naming",
        "experiments",
        "precision",
    },
    {"losses", "devices", "data.manifests", "data.records", "data.patches"},
    {"models", "classical", "data", "evaluation.metrics", "evaluation.figures"},
    {"inference", "tiling", "pictures", "estimation", "evaluation"},
    {"training"},
    {"train", "evaluate", "deblur", "estimate", "export", "report", "devices.__main__"},
]


def layer_of(module: str) -> int:
    for name in (module, module.split(".")[0]):
        for index, layer in enumerate(LAYERS):
            if name in layer:
                return index
    raise AssertionError(f"tfdeblur.{module} has no place in the import rule")


def imports_of(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


MODULES = sorted(path for path in (ROOT / "tfdeblur").rglob("*.py") if path != ROOT / "tfdeblur" / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    parts = path.relative_to(ROOT / "tfdeblur").with_suffix("").parts
    module = ".".join(part for part in parts if part != "__init__")
    names = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for path in MODULES
    }
    for imported in imports_of(path):
        assert imported.split(".")[0] not in {"tools", "tests"}, f"the package must not import {imported}"
        if imported in names:
            assert layer_of(imported.removeprefix("tfdeblur.")) <= layer_of(module), f"{module} imports {imported}"


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, tfdeblur; print([m for m in ('tensorflow', 'keras', 'numpy', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
