"""What an inspection found, as a page for the browser that needs no other file."""

import base64
import html
import io
from collections.abc import Sequence

from PIL import Image

STYLE = """
body { font: 15px/1.5 sans-serif; color: #222; max-width: 70em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse } td, th { padding: .2em .8em; text-align: right; border-bottom: 1px solid #ddd }
td:first-child, th:first-child { text-align: left } img { max-width: 100% } pre { white-space: pre-wrap }
.problem { color: #b00 } .warning { color: #850 }
"""


def page(
    title: str,
    description: str,
    rows: Sequence[Sequence[str]],
    problems: Sequence[str],
    warnings: Sequence[str],
    sheet: Image.Image | None,
) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
        The data set's name.
    description : str
        Lines about it.
    rows : sequence of sequences of str
        A table; its first row has the headings.
    problems, warnings : sequence of str
        A sentence each.
    sheet : PIL.Image.Image, optional
        Pictures.
    """
    heading, *others = rows
    table = [_row("th", heading), *(_row("td", row) for row in others)]
    lines = [f'<p class="problem">{html.escape(line)}</p>' for line in problems]
    lines += [f'<p class="warning">{html.escape(line)}</p>' for line in warnings]
    verdict = "not sound" if problems else "sound"
    return "\n".join(
        [
            f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>',
            f"<style>{STYLE}</style><h1>{html.escape(title)}: {verdict}</h1>",
            *lines,
            f"<table>{''.join(table)}</table>",
            f"<pre>{html.escape(description)}</pre>",
            f'<img alt="pairs" src="data:image/png;base64,{_png(sheet)}">' if sheet else "",
            "</html>\n",
        ]
    )


def _row(kind: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in cells) + "</tr>"


def _png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
