"""Where a result came from: versions, commit, command, device."""

import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-tpu",
    "keras",
    "jax",
    "libtpu",
    "numpy",
    "pillow",
    "scipy",
    "scikit-image",
)


def versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of those that its results depend on."""
    from tfdeblur import __version__

    found = {"python": platform.python_version(), "tfdeblur": __version__}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """Return the commit of the working copy this runs from, with a + where it was changed; None outside of one."""
    folder = Path(__file__).parent
    try:
        _git(folder, "ls-files", "--error-unmatch", Path(__file__).name)  # else .venv may lie in another project
        name = _git(folder, "rev-parse", "--short", "HEAD")
        return name + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def command(module: str, arguments: list[str] | None) -> str:
    """Return the command line that a user would type for a module's `main`."""
    return shlex.join(["python", "-m", module, *(sys.argv[1:] if arguments is None else arguments)])


def processor() -> str:
    """Return the name of the processor and how many of its cores this process may use."""
    import os

    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"
