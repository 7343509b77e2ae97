"""XMP: what goes with the data that are dropped, and packets too long for one segment of a JPEG."""

import hashlib
import re
import struct
from collections.abc import Sequence
from xml.dom import minidom
from xml.parsers.expat import ExpatError

STANDARD, EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
NOTE = "http://ns.adobe.com/xmp/note/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
LONGEST_SEGMENT = 65533
"""Bytes of a JPEG's segment beside its marker and length."""
APPENDED = (
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.google.com/photos/dd/1.0/",
)
"""Namespaces that describe images, depth maps and films stored behind the image."""
CAMERA = "http://ns.google.com/photos/1.0/camera/"
MOTION = ("MicroVideo", "MotionPhoto")


def without_appended(xmp: bytes) -> bytes:
    """Return XMP without what it says of gain maps, films and depth maps stored behind the image, which are dropped.

    Other XMP returns byte for byte. Where it cannot be understood, none of it is left.
    """
    if not any(name.encode() in xmp for name in (*APPENDED, CAMERA)):
        return xmp
    try:
        document = minidom.parseString(_trimmed(xmp))
    except (ExpatError, ValueError):
        return b""
    for element in document.getElementsByTagName("*"):
        for attribute in list(element.attributes.values()):
            if _is_appended(attribute):
                element.removeAttributeNode(attribute)
        if _is_appended(element) and element.parentNode:
            element.parentNode.removeChild(element)
    return document.toxml().encode()


def read_extended(segments: Sequence[bytes], main: bytes) -> bytes:
    """Return the XMP of a JPEG: its main packet with the properties of the extended one (XMP part 3, 1.1.3.1).

    Parameters
    ----------
    segments : sequence of bytes
        Contents of the APP1 segments.
    main : bytes
        The main packet.
    """
    found = re.search(rb'HasExtendedXMP(?:="|>)([0-9A-Fa-f]{32})', main)
    if not found:
        return main
    parts = {}
    for segment in segments:
        name, start = segment[len(EXTENSION) : len(EXTENSION) + 32], len(EXTENSION) + 40
        if segment.startswith(EXTENSION) and name.upper() == found[1].upper() and len(segment) > start:
            parts[struct.unpack(">L", segment[start - 4 : start])[0]] = segment[start:]
    extended = b"".join(parts[offset] for offset in sorted(parts))
    if hashlib.md5(extended, usedforsecurity=False).hexdigest().upper() != found[1].decode().upper():
        return _merged(main, b"")  # incomplete
    return _merged(main, extended)


def segments(xmp: bytes) -> bytes:
    """Return the segments that hold XMP in a JPEG: one, or a short packet and an extended one."""
    if len(STANDARD) + len(xmp) <= LONGEST_SEGMENT:
        return _segment(STANDARD + xmp) if xmp else b""
    name = hashlib.md5(xmp, usedforsecurity=False).hexdigest().upper().encode()
    main = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="%s"><rdf:Description rdf:about="" '
        b'xmlns:xmpNote="%s" xmpNote:HasExtendedXMP="%s"/></rdf:RDF></x:xmpmeta>'
    ) % (RDF.encode(), NOTE.encode(), name)
    room = LONGEST_SEGMENT - len(EXTENSION) - 40
    parts = [
        _segment(EXTENSION + name + struct.pack(">LL", len(xmp), start) + xmp[start : start + room])
        for start in range(0, len(xmp), room)
    ]
    return _segment(STANDARD + main) + b"".join(parts)


def _segment(content: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", 2 + len(content)) + content


def _trimmed(xmp: bytes) -> bytes:
    return xmp.strip(b"\0 \t\r\n")


def _is_appended(node) -> bool:
    name, space = node.localName or "", node.namespaceURI
    return (
        space in APPENDED
        or any(space == f"{prefix}item/" for prefix in APPENDED)
        or (space == CAMERA and name.startswith(MOTION))
    )


def _merged(main: bytes, extended: bytes) -> bytes:
    """Return both packets' properties in one; the extended one as it is, where the main one has none of its own."""
    try:
        document = minidom.parseString(_trimmed(main))
        for element in document.getElementsByTagNameNS(RDF, "Description"):
            if element.hasAttributeNS(NOTE, "HasExtendedXMP"):
                element.removeAttributeNS(NOTE, "HasExtendedXMP")
            for child in element.getElementsByTagNameNS(NOTE, "HasExtendedXMP"):
                element.removeChild(child)
        (tree,) = document.getElementsByTagNameNS(RDF, "RDF")
        if extended and not _says_something(tree):
            return extended
        if extended:
            other = minidom.parseString(_trimmed(extended))
            for element in other.getElementsByTagNameNS(RDF, "Description"):
                if element.parentNode.localName == "RDF":
                    tree.appendChild(document.importNode(_with_namespaces(element), True))
        return document.toxml().encode()
    except (ExpatError, ValueError):
        return main


def _says_something(tree) -> bool:
    """Whether there is a property: an element in a description, or an attribute in none of XML's own namespaces."""
    for element in tree.getElementsByTagNameNS(RDF, "Description"):
        if any(child.nodeType == child.ELEMENT_NODE for child in element.childNodes):
            return True
        spaces = {attribute.namespaceURI for attribute in element.attributes.values()}
        if spaces - {RDF, "http://www.w3.org/2000/xmlns/", None}:
            return True
    return False


def _with_namespaces(element):
    """Declare on an element the namespaces that its ancestors declare."""
    node = element.parentNode
    while node is not None and node.attributes:
        for attribute in node.attributes.values():
            if attribute.name.startswith("xmlns") and not element.hasAttribute(attribute.name):
                element.setAttribute(attribute.name, attribute.value)
        node = node.parentNode
    return element
