"""What formats can hold of a photograph, and what becomes of the rest."""

import io
import struct
import zlib

import numpy as np
import pytest
import skimage.data
from PIL import ExifTags, Image, ImageCms, JpegImagePlugin

from tfdeblur.deblur import main
from tfdeblur.pictures import jpeg, photographs, xmp
from tfdeblur.pictures.holding import check_holds, losses
from tfdeblur.pictures.metadata import Metadata
from tfdeblur.pictures.photograph import Photograph

COLOUR = np.ascontiguousarray(skimage.data.astronaut()[:75, 100:201])
LONG = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!--' + b"x" * 100000 + b"--></x:xmpmeta>"
RDF = b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
D65 = [0.3127, 0.3290]
P3 = [0.680, 0.320, 0.265, 0.690, 0.150, 0.060]


def chunk(name: bytes, *values: int, kind: str = "L") -> tuple[bytes, bytes]:
    return name, struct.pack(f">{len(values)}{kind}", *values)


def chromaticities(values: list[float]) -> tuple[bytes, bytes]:
    return chunk(b"cHRM", *(round(value * 100000) for value in values))


def sharp(**changes) -> Photograph:
    return Photograph(**{"pixels": COLOUR, "format": "png"} | changes)


def written(photograph: Photograph, format: str, tmp_path, **options) -> Image.Image:
    path = str(tmp_path / f"result.{format}")
    photographs.write(path, photograph, format, **options)
    with open(path, "rb") as file:
        return Image.open(io.BytesIO(file.read()))


def test_long_xmp_goes_into_a_jpeg_and_comes_out_again(tmp_path):
    photograph = sharp(metadata=Metadata(xmp=LONG))
    assert losses(photograph, "jpeg") == []
    image = written(photograph, "jpeg", tmp_path)
    assert b"HasExtendedXMP" in image.info["xmp"] and len(image.info["xmp"]) < 1000
    assert photographs.read(str(tmp_path / "result.jpeg")).metadata.xmp == LONG


def test_extended_xmp_joins_what_the_main_packet_says():
    extended = b'<x xmlns="" %s><rdf:RDF><rdf:Description xmlns:b="urn:b" b:two="2"/></rdf:RDF></x>' % RDF
    segments = xmp.segments(extended + b" " * 70000)
    parts = [bytes(part) for part in segments.split(b"\xff\xe1") if xmp.EXTENSION in part]
    main = segments[segments.index(b"<x:xmpmeta") : segments.index(b"</x:xmpmeta>") + 12]
    main = main.replace(b'rdf:about=""', b'rdf:about="" xmlns:a="urn:a" a:one="1"')
    merged = xmp.read_extended([part[2:] for part in parts], main)
    assert b'a:one="1"' in merged and b'b:two="2"' in merged and b"HasExtended" not in merged
    assert b'a:one="1"' in xmp.read_extended([], main), "an extended packet that is missing"


def test_flags_of_what_is_stored_behind_the_image_are_removed(tmp_path):
    packet = (
        b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF %s><rdf:Description rdf:about=""
      xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
      xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" hdrgm:Version="1.0" GCamera:MotionPhoto="1"
      GCamera:MicroVideoOffset="12" dc:format="kept" xmlns:Container="http://ns.google.com/photos/1.0/container/"
      xmlns:Item="http://ns.google.com/photos/1.0/container/item/"><Container:Directory><rdf:Seq>
      <rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap"/></rdf:li></rdf:Seq>
      </Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"""
        % RDF
    )
    path = str(tmp_path / "photo.jpg")
    Image.fromarray(COLOUR).save(path, xmp=packet)
    kept = photographs.read(path).metadata.xmp
    assert b'dc:format="kept"' in kept
    for flag in (b"Version", b"MotionPhoto", b"MicroVideo", b"GainMap", b"Directory"):
        assert flag not in kept
    assert xmp.without_appended(LONG) is LONG


def test_further_pictures_of_a_telephone_are_left_out_with_their_index(tmp_path):
    path = str(tmp_path / "photo.jpg")
    Image.fromarray(COLOUR).save(path, "MPO", save_all=True, append_images=[Image.fromarray(255 - COLOUR)])
    photograph = photographs.read(path)
    assert photograph.format == "jpeg" and np.abs(photograph.pixels.astype(int) - COLOUR).mean() < 5
    photographs.write(path, photograph)
    with Image.open(path) as image:
        assert image.format == "JPEG" and "mp" not in image.info


def test_the_thumbnail_of_a_photograph_is_removed(tmp_path):
    path, thumbnail = str(tmp_path / "photo.jpg"), io.BytesIO()
    Image.fromarray(COLOUR[::5, ::5]).save(thumbnail, "JPEG")
    tags = Image.Exif()
    tags[ExifTags.Base.Make] = "Camera"
    exif = bytearray(tags.tobytes())
    second = len(exif) - 6
    directory = struct.pack(">HHHLLHHLLL", 2, 513, 4, 1, second + 30, 514, 4, 1, len(thumbnail.getvalue()), 0)
    (count,) = struct.unpack_from(">H", exif, 14)
    struct.pack_into(">L", exif, 16 + 12 * count, second)
    Image.fromarray(COLOUR).save(path, exif=bytes(exif) + directory + thumbnail.getvalue())
    with Image.open(path) as image:
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1)[514] == len(thumbnail.getvalue())
    kept = photographs.read(path).metadata.exif
    assert b"\xff\xd8" not in kept
    tags.load(kept)
    assert tags[ExifTags.Base.Make] == "Camera" and not tags.get_ifd(ExifTags.IFD.IFD1)


@pytest.mark.parametrize("format", ["jpeg", "tiff", "webp"])
def test_colours_of_a_png_become_a_profile_where_there_are_no_chunks(format, tmp_path):
    chunks = (chunk(b"gAMA", 55556), chromaticities([*D65, *P3]))
    photograph = sharp(metadata=Metadata(chunks=chunks))
    assert losses(photograph, format) == []
    profile = ImageCms.ImageCmsProfile(io.BytesIO(written(photograph, format, tmp_path).info["icc_profile"]))
    # Display P3's red in the D50 of profiles: 0.5151, 0.2412 (its published profile)
    np.testing.assert_allclose(profile.profile.red_colorant[0][:2], [0.5151, 0.2412], atol=0.0005)
    grey = Image.fromarray(np.full((1, 1, 3), 128, np.uint8))
    linear = ImageCms.profileToProfile(grey, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    light = (128 / 255) ** 1.8
    assert abs(np.asarray(linear).mean() / 255 - (1.055 * light ** (1 / 2.4) - 0.055)) < 0.01


@pytest.mark.parametrize(
    "chunks",
    [
        (chunk(b"gAMA", 45455),),
        (chunk(b"sRGB", 0, kind="B"), chunk(b"gAMA", 100000)),
        (chunk(b"cICP", 1, 13, 0, 1, kind="B"),),
        (chromaticities([*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06]),),
    ],
)
def test_srgb_needs_no_profile(chunks, tmp_path):
    photograph = sharp(metadata=Metadata(chunks=chunks))
    assert losses(photograph, "jpeg") == []
    assert "icc_profile" not in written(photograph, "jpeg", tmp_path).info


def test_colours_that_no_profile_can_say_are_said_to_be_lost(tmp_path):
    photograph = sharp(metadata=Metadata(chunks=(chunk(b"cICP", 9, 16, 0, 1, kind="B"), chunk(b"cLLI", 1, 1))))
    names = {format: [what.split(" (")[0] for what in losses(photograph, format)] for format in ("png", "tiff")}
    assert names["png"] == ["the brightness of HDR"]
    assert names["tiff"] == ["the brightness of HDR", "the description of colours"]
    written(photograph, "png", tmp_path)
    assert photographs.read(str(tmp_path / "result.png")).metadata.chunks == photograph.metadata.chunks[:1]


def test_what_will_be_missing_is_known_before(tmp_path):
    deep = COLOUR.astype(np.uint16) * 257
    metadata = Metadata(comment=b"a comment", dpi=(300, 300), chunks=((b"tEXt", b"Title\0A ship"),))
    everything = sharp(pixels=deep, metadata=metadata)
    assert losses(everything, "png") == []
    assert losses(everything, "jpeg") == ["bits beyond 8 a channel", "text"]
    assert losses(everything, "webp") == ["bits beyond 8 a channel", "the comment", "the resolution", "text"]
    assert losses(sharp(metadata=Metadata(exif=b"Exif\0\0II*\0" + bytes(70000))), "jpeg")[0].startswith("EXIF, 70,0")
    unknown = np.dstack([COLOUR, COLOUR[..., :1]])
    assert losses(sharp(pixels=unknown, format="tiff", extra="unspecified"), "png")[0].startswith("the extra channel")
    assert written(sharp(pixels=unknown, format="tiff", extra="unspecified"), "png", tmp_path).mode == "RGB"
    written(sharp(metadata=Metadata(exif=b"Exif\0\0II*\0" + bytes(70000))), "jpeg", tmp_path)


def test_opaque_alpha_is_no_transparency(tmp_path):
    opaque = sharp(pixels=np.dstack([COLOUR, np.full(COLOUR.shape[:2], 255, np.uint8)]))
    check_holds(opaque, "jpeg")
    assert written(opaque, "jpeg", tmp_path).mode == "RGB"
    opaque.pixels[0, 0, 3] = 254
    with pytest.raises(ValueError, match="JPEG holds no transparency; use --format png"):
        check_holds(opaque, "jpeg")


def test_a_jpeg_is_quantised_as_its_source_or_more_finely(tmp_path):
    for quality in (30, 80, 97):
        source = str(tmp_path / "source.jpg")
        Image.fromarray(COLOUR).save(source, quality=quality, subsampling="4:2:2")
        image = written(photographs.read(source), "jpeg", tmp_path)
        assert [list(table) for table in image.quantization.values()] == jpeg.tables_of(max(quality, 90))
        assert JpegImagePlugin.get_sampling(image) == 1
        chosen = written(photographs.read(source), "jpeg", tmp_path, quality=50)
        assert [list(table) for table in chosen.quantization.values()] == jpeg.tables_of(50)
    assert list(written(sharp(), "jpeg", tmp_path).quantization[0]) == jpeg.tables_of(95)[0]


def test_the_command_takes_a_quality(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "photo.jpg", quality=80)
    command = [str(tmp_path / "photo.jpg"), "--method", "rl", "--psf", "gaussian:1", "--iterations", "1", "--overwrite"]
    for options, quality in [([], 90), (["--quality", "40"], 40)]:
        assert main([*command, *options, "--out", str(tmp_path / "out")]) == 0
        with Image.open(tmp_path / "out/photo.jpg") as image:
            assert list(image.quantization[0]) == jpeg.tables_of(quality)[0]
    with pytest.raises(ValueError, match="--quality is 0; at least 1 and at most 100 is needed"):
        main([*command, "--quality", "0", "--out", str(tmp_path / "out")])


def test_the_quality_of_a_lossy_webp_can_be_chosen(tmp_path):
    sizes = {}
    for quality in (20, None, 100):
        written(sharp(), "webp", tmp_path, quality=quality)
        sizes[quality] = (tmp_path / "result.webp").stat().st_size
    assert sizes[20] < sizes[None] < sizes[100]


def test_metadata_that_lie_behind_the_pixels_of_a_png_are_kept(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(COLOUR).save(path)
    content, text = path.read_bytes(), b"iTXtXML:com.adobe.xmp\0\0\0\0\0<x/>"
    behind = struct.pack(">L", len(text) - 4) + text + struct.pack(">L", zlib.crc32(text))
    path.write_bytes(content[:-12] + behind + content[-12:])
    assert photographs.read(str(path)).metadata.xmp == b"<x/>"
