"""What a compiled module says: its products, what they compute in, and how many cycles its compiler expects."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

DEFINED = re.compile(r"^\s*(?:ROOT )?(%[\w.\-]+) = \(?(\w+)\[([\d,]*)\]", re.MULTILINE)
PRODUCT = re.compile(
    r"^\s*(?:ROOT )?%[\w.\-]+ = (?P<type>\w+)\[(?P<shape>[\d,]*)\]\S* (?P<kind>convolution|dot)"
    r"\((?P<left>%[\w.\-]+), (?P<right>%[\w.\-]+)\)(?P<rest>.*)$",
    re.MULTILINE,
)
SUM = re.compile(r"^\s*(?:ROOT )?%[\w.\-]+ = (.*?) (?:all-reduce|all-reduce-start)\(", re.MULTILINE)
PART = re.compile(r"([a-z]+\d+)\[([\d,]*)\]")
CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')


@dataclass(frozen=True)
class Product:
    """A convolution or a matrix product.

    Attributes
    ----------
    name : str
        What it is called where it was made, such as the layer's path.
    operands : tuple of str
        XLA's types of both operands, as in `("bf16", "bf16")`.
    rows, inner, columns : int
        The product of a matrix `(rows, inner)` with one `(inner, columns)` that does as much: for a convolution
        pixels, kernel size times channels, and channels of its output.
    """

    name: str
    operands: tuple[str, str]
    rows: int
    inner: int
    columns: int

    @property
    def multiplications(self) -> int:
        """Multiply-adds, those with padding around the picture among them."""
        return self.rows * self.inner * self.columns

    def padded(self, side: int) -> int:
        """Return the multiply-adds of matrix units of an edge: inner size and columns are filled up to it."""
        return self.rows * _up(self.inner, side) * _up(self.columns, side)


def products(module: str) -> Iterator[Product]:
    """Yield the products of a module, each once; XLA fuses other work into them, but never splits them up."""
    defined = {name: (type_, _sizes(shape)) for name, type_, shape in DEFINED.findall(module)}
    for found in PRODUCT.finditer(module):
        rest = found["rest"]
        name = re.search(r'op_name="([^"]*)"', rest)
        left, right = (defined.get(found[side], ("?", ())) for side in ("left", "right"))
        shape = _sizes(found["shape"])
        if found["kind"] == "convolution":
            kernel, out = re.search(r"dim_labels=\w+_(\w+)->(\w+)", rest).groups()
            window = re.search(r"window=\{size=([\dx]+)", rest)
            window = math.prod(int(size) for size in window[1].split("x")) if window else 1
            inner, columns = window * right[1][kernel.index("i")], shape[out.index("f")]
        else:
            contracted = _sizes(re.search(r"lhs_contracting_dims=\{([\d,]*)\}", rest)[1])
            inner, columns = math.prod(left[1][axis] for axis in contracted), shape[-1] if shape else 1
        rows = math.prod(shape) // columns
        yield Product(name[1] if name else found["kind"], (left[0], right[0]), rows, inner, columns)


def sums(module: str) -> Iterator[int]:
    """Yield the bytes of every sum over devices."""
    for found in SUM.finditer(module):
        yield sum(
            math.prod(_sizes(shape)) * int(re.search(r"\d+$", type_)[0]) // 8 for type_, shape in PART.findall(found[1])
        )


def cycles(module: str) -> int:
    """Return the cycles that the compiler expects all operations to take, one after the other."""
    return sum(int(count) for count in CYCLES.findall(module))


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(",") if size)


def _up(size: int, side: int) -> int:
    return -(-size // side) * side
