"""What Google publishes of its TPU chips, and how their compiler's topologies call them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chip:
    """One device as XLA sees it: a core of v2, v3 and v4, a chip of the others.

    Attributes
    ----------
    memory : float
        HBM, in GiB.
    peak : float
        Products in bfloat16, in TFLOP/s.
    units : int
        Matrix units.
    side : int
        Edge of a matrix unit.
    """

    memory: float
    peak: float
    units: int
    side: int = 128

    @property
    def clock(self) -> float:
        """Cycles a second: what the peak takes, two operations in every cell of every matrix unit."""
        return 1e12 * self.peak / (2 * self.units * self.side**2)


CHIPS = {
    "v2": Chip(memory=8, peak=23, units=1),
    "v3": Chip(memory=16, peak=61.5, units=2),
    "v4": Chip(memory=16, peak=137.5, units=4),
    "v5e": Chip(memory=16, peak=197, units=4),
    "v5p": Chip(memory=95, peak=459, units=8),
    "v6e": Chip(memory=32, peak=918, units=4, side=256),
}
"""Google Cloud, "TPU versions" (system architecture pages of each), by the name that begins a topology's."""


def chip_of(topology: str) -> Chip:
    """Return the chip of a topology such as `v5e:2x2`.

    Raises
    ------
    ValueError
        It begins with no chip's name.
    """
    name = topology.partition(":")[0]
    if name not in CHIPS:
        raise ValueError(f"the topology {topology!r} begins with no chip's name ({', '.join(CHIPS)}); write v5e:2x2")
    return CHIPS[name]
