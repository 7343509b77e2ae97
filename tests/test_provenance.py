"""Where results say they come from."""

import shutil
import subprocess
import sys
from pathlib import Path

import tfdeblur


def test_the_commit_is_never_that_of_another_project(tmp_path):
    """Installed in a .venv within somebody's repository, the package is not that repository's."""

    def git(*arguments):
        identity = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    package = tmp_path / ".venv/tfdeblur"
    package.mkdir(parents=True)
    for name in ("__init__.py", "provenance.py"):
        shutil.copy(Path(tfdeblur.__file__).parent / name, package)
    code = [sys.executable, "-c", "from tfdeblur import provenance; print(provenance.commit())"]
    git("init")
    git("commit", "--allow-empty", "-m", "theirs")
    found = [subprocess.run(code, cwd=package.parent, check=True, capture_output=True, text=True).stdout.strip()]
    git("add", ".")
    git("commit", "-m", "ours")
    found.append(subprocess.run(code, cwd=package.parent, check=True, capture_output=True, text=True).stdout.strip())
    assert found[0] == "None" and len(found[1]) >= 7
