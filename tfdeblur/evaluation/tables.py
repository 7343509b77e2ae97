"""The tables of reports: each is computed by one function, and written as JSON, Markdown, CSV and figures.

A table is added by a function that takes `methods.Sources` and returns a `methods.Table`; it is named in `TABLES`.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from tfdeblur import devices, provenance, storage
from tfdeblur.evaluation import curves, figures, methods
from tfdeblur.evaluation.kendall import kendall
from tfdeblur.evaluation.kendall_phase2 import kendall_defocus, kendall_phase2
from tfdeblur.evaluation.king import king
from tfdeblur.evaluation.levin import levin
from tfdeblur.evaluation.methods import Sources, Table
from tfdeblur.evaluation.orlandi import orlandi
from tfdeblur.evaluation.patro import patro
from tfdeblur.naming import look_up

TABLES: dict[str, Callable[[Sources], Table]] = {
    "kendall": kendall,
    "kendall_defocus": kendall_defocus,
    "kendall_phase2": kendall_phase2,
    "king": king,
    "levin": levin,
    "orlandi": orlandi,
    "patro": patro,
}

PROVENANCE = ("command", "commit", "date", "device")
"""What each row of the JSON file ends with; once below the table in Markdown."""


def make(name: str, sources: Sources, out: str, command: str) -> str:
    """Compute a table and write NAME.json, NAME.md, NAME.csv, NAME.png and what further figures it has.

    Parameters
    ----------
    name : str
        A key of `TABLES`.
    sources : Sources
        Its pictures and networks, as the table's function takes them.
    out : str
        Folder, local or gs://; files of these names in it are replaced.
    command : str
        The command line, for the record.

    Returns
    -------
    str
        The table of NAME.md as Markdown, without the tests.

    Raises
    ------
    FileNotFoundError
        The data are not there.
    ValueError
        There is no such table, `limit` is below 1, or matplotlib is not installed.
    """
    compute = look_up(TABLES, name, "table")
    if sources.limit is not None and sources.limit < 1:
        raise ValueError(f"--limit is {sources.limit}; at least 1 is needed")
    curves.find_matplotlib()  # before the work, not after it
    storage.make_folder(out)
    table = compute(sources)
    rows = methods.rows(table)
    facts = dict(zip(PROVENANCE, (command, provenance.commit(), _now(), _device()), strict=True))
    text = f"{methods.rows_markdown(rows)}\n{_notes(table, rows, facts)}"
    _draw(table, storage.join(out, name))
    storage.write_text(storage.join(out, f"{name}.csv"), methods.rows_csv(rows))
    storage.write_text(storage.join(out, f"{name}.md"), f"# {table.title}\n\n{text}\n{_tests(rows)}")
    content = json.dumps([row | facts for row in rows], indent=2, allow_nan=False)
    storage.write_text(storage.join(out, f"{name}.json"), content + "\n")
    return text


def _notes(table: Table, rows: Sequence[dict], facts: dict) -> str:
    return (
        f"{rows[0]['pictures']:,} pictures; means with 95 % bootstrap intervals. {table.notes}\n\n"
        f"Made by `{facts['command']}`; {facts['device']}; {facts['date'][:10]}; commit {facts['commit']}.\n"
    )


def _tests(rows: Sequence[dict]) -> str:
    return (
        "## Every two methods\n\nPicture by picture: the difference of the means, Cohen's d of the paired differences, "
        "and two-sided tests, their p-values as they are and by Holm's procedure over all pairs of one measure.\n\n"
        f"{methods.tests_markdown(rows)}"
    )


def _draw(table: Table, base: str) -> None:
    """Write the figure of pictures and methods, and the further ones."""
    drawn, labels = [], []
    for place, (index, name) in enumerate(table.shown.items()):
        drawn.append([*(method.shown[place] for method in table.methods), table.sharp[place]])
        measured = (
            methods.measure_text(table.caption, method.values[table.caption][index]) for method in table.methods
        )
        captions = [f"{method.name}\n{text}" for method, text in zip(table.methods, measured, strict=True)]
        labels.append([*captions, f"{table.truth}\n{name}"])
    with storage.publish(f"{base}.png") as temporary:
        figures.sheet(drawn, labels, title=table.title, smallest=140).save(temporary, "PNG")
    for end, panels in table.panels.items():
        with storage.publish(f"{base}_{end}.png") as temporary:
            curves.draw_panels(panels, table.title, temporary)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _device() -> str:
    return devices.describe()
