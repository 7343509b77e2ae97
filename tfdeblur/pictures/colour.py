"""Colour profiles for formats that have none of PNG's own chunks of colour (PNG, third edition, section 11.3.2)."""

import struct
from collections.abc import Sequence

import imagecodecs
import numpy as np

D65 = (0.3127, 0.3290)
SRGB_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
PRIMARIES = {
    1: SRGB_PRIMARIES,
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
"""Of cICP that have the white point D65: BT.709, BT.2020, Display P3 (ITU-T H.273, table 2)."""
EXPONENTS = {4: 2.2, 5: 2.8, 8: 1.0}
"""Transfer functions of cICP that are powers (ITU-T H.273, table 3)."""
SRGB_TRANSFER = 13


def profile_of(chunks: Sequence[tuple[bytes, bytes]], icc_profile: bytes, grey: bool) -> tuple[bytes, bool]:
    """Return the colour profile that says what an image's chunks say, and whether one can.

    Parameters
    ----------
    chunks : sequence of (bytes, bytes)
        Name and content; cICP counts before the profile, the profile before sRGB, and sRGB before gAMA and cHRM.
    icc_profile : bytes
        The image's own profile, or nothing.
    grey : bool
        Whether the image is grey.

    Returns
    -------
    icc_profile : bytes
        Empty for sRGB, which is what images without a profile are in.
    can : bool
        False for transfer functions that a profile of this kind does not hold (PQ, HLG, BT.709's camera curve).
    """
    found = dict(chunks)
    if len(found.get(b"cICP", b"")) == 4:
        primaries, transfer = found[b"cICP"][:2]
        if primaries not in PRIMARIES or transfer not in {*EXPONENTS, SRGB_TRANSFER}:
            return icc_profile, False
        if (primaries, transfer) == (1, SRGB_TRANSFER):
            return b"", True
        return _profile(D65, PRIMARIES[primaries], EXPONENTS.get(transfer), grey), True
    if icc_profile or b"sRGB" in found:
        return icc_profile, True
    white, primaries, exponent = D65, SRGB_PRIMARIES, 2.2
    if len(found.get(b"gAMA", b"")) == 4 and any(found[b"gAMA"]):
        exponent = 100000 / struct.unpack(">L", found[b"gAMA"])[0]
    if len(found.get(b"cHRM", b"")) == 32:
        values = [value / 100000 for value in struct.unpack(">8L", found[b"cHRM"])]
        white, primaries = tuple(values[:2]), tuple(values[2:])
    usual = np.allclose((*white, *primaries), (*D65, *SRGB_PRIMARIES), atol=0.001) and abs(exponent - 2.2) < 0.01
    if usual:
        return b"", True
    try:
        return _profile(white, primaries, exponent, grey), True
    except (ValueError, RuntimeError):  # primaries that lie on a line, and the like
        return b"", False


def _profile(white: tuple, primaries: tuple, exponent: float | None, grey: bool) -> bytes:
    """Return a profile of a power, or without one of sRGB's curve (IEC 61966-2-1)."""
    values = np.linspace(0, 1, 1024)
    curve = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    transfer = {"gamma": exponent} if exponent else {"transferfunction": np.uint16(np.rint(65535 * curve))}
    if grey:
        transfer = {"gamma": exponent or 2.2}
        profile = imagecodecs.cms_profile("gray", whitepoint=white, **transfer)
    else:
        profile = imagecodecs.cms_profile("rgb", whitepoint=white, primaries=primaries, **transfer)
    return profile[:24] + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + profile[36:]  # the same bytes on every day
