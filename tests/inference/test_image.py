"""Every kind of picture becomes the same RGB photo; every broken one gives one clear line."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from peopleparse.errors import InputError
from peopleparse.inference import image as image_module
from peopleparse.inference.image import read_image

RED = (200, 30, 30)


def encode(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)


def test_reads_every_kind_of_source_alike(photo, tmp_path):
    data = encode(Image.fromarray(photo), "PNG")
    path = tmp_path / "a photo.png"
    path.write_bytes(data)
    sources = [path, str(path), data, bytearray(data), io.BytesIO(data), path.open("rb")]
    for source in [*sources, Image.open(path), Image.fromarray(photo), photo]:
        image = read_image(source)
        assert image.dtype == np.uint8 and image.flags.c_contiguous
        np.testing.assert_array_equal(image, photo)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_applies_the_rotation_of_the_camera(kind, orientation):
    upright = np.full((32, 48, 3), 255, np.uint8)
    upright[:8, :16], upright[24:, :16] = (220, 0, 0), (0, 0, 220)
    turn = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),  # stored turned left, to be turned right
        7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(Image.fromarray(turn(upright).copy()), kind, exif=exif, **options)
    image = read_image(data)
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 12
    assert image[4, 8, 0] > 180 and image[4, 8, 2] < 80
    assert image[28, 8, 2] > 180 and image[28, 8, 0] < 80


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_survives_a_broken_exif_block(photo):
    data = encode(Image.fromarray(photo), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\xff")
    assert read_image(data).shape == photo.shape


def test_lays_transparency_over_white(photo):
    alpha = np.zeros((24, 40, 1), np.uint8)
    alpha[:, 20:] = 255
    alpha[:, 10:20] = 128
    rgba = np.concatenate([photo, alpha], axis=2)
    for source in (rgba, Image.fromarray(rgba), encode(Image.fromarray(rgba), "PNG")):
        image = read_image(source)
        assert (image[:, :10] == 255).all()
        np.testing.assert_array_equal(image[:, 20:], photo[:, 20:])
        half = photo[:, 10:20].astype(float) * 128 / 255 + 255 * 127 / 255
        assert np.abs(image[:, 10:20] - half).max() <= 0.5


def test_palette_with_a_transparent_colour_is_white_there():
    picture = Image.new("P", (6, 4), 1)
    picture.putpalette([0, 0, 0, *RED])
    picture.putpixel((0, 0), 0)
    image = read_image(encode(picture, "PNG", transparency=0))
    assert image[0, 0].tolist() == [255] * 3 and image[3, 5].tolist() == list(RED)


def test_grey_one_bit_and_grey_with_alpha():
    grey = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
    for source in (grey, grey[:, :, None], encode(Image.fromarray(grey), "PNG")):
        np.testing.assert_array_equal(read_image(source), np.repeat(grey[:, :, None], 3, 2))
    bits = grey > 100
    for source in (bits, encode(Image.fromarray(bits), "PNG")):
        np.testing.assert_array_equal(read_image(source)[..., 0], bits * 255)
    both = np.stack([grey, np.zeros_like(grey)], axis=2)
    for source in (both, encode(Image.fromarray(both, "LA"), "PNG")):
        assert (read_image(source) == 255).all()


def test_16_bit_grey_is_scaled_not_clipped():
    deep = np.array([[0, 257, 32896, 65535]], np.uint16)
    for source in (deep, deep.astype(">u2"), encode(Image.fromarray(deep), "PNG")):
        assert read_image(source)[0, :, 0].tolist() == [0, 1, 128, 255]
    assert read_image(encode(Image.fromarray(deep), "TIFF"))[0, :, 1].tolist() == [0, 1, 128, 255]
    assert read_image(np.ones((2, 2, 3), np.uint16) * 65535).max() == 255


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0, 1e6])
def test_float_grey_is_brought_to_8_bits(top):
    values = np.array([[0, 0.5, 1]], np.float32) * np.float32(top)
    image = read_image(encode(Image.fromarray(values), "TIFF"))
    assert image[0, :, 0].tolist() == [0, 128, 255]


def test_32_bit_grey_is_brought_to_8_bits():
    image = read_image(Image.fromarray(np.array([[0, 65535]], np.int32)))
    assert image[0, :, 0].tolist() == [0, 255]


def test_cmyk_becomes_rgb():
    picture = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    for source in (picture, encode(picture, "JPEG"), encode(picture, "TIFF")):
        red, green, blue = read_image(source)[4, 4].tolist()
        assert red > 200 and green < 60 and blue < 60


def test_one_pixel(tmp_path):
    assert read_image(np.zeros((1, 1, 3), np.uint8)).shape == (1, 1, 3)


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), color) for color in (RED, (0, 0, 0))]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.abs(read_image(data)[0, 0].astype(int) - RED).max() < 10


def broken_png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    idat = b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    return b"\x89PNG\r\n\x1a\n" + chunk + crc + idat


def truncated_jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    return encode(Image.fromarray(noise), "JPEG")[:1500]


BAD = {
    "zero bytes": (b"", r"photo must hold an image, got 0 bytes.*Copy the file again"),
    "no image": (b"hello world" * 9, r"photo must be an image, got 99 bytes that are none"),
    "truncated JPEG": (truncated_jpeg(), r"photo must be complete, got '.*truncated.*'"),
    "broken header": (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, r"photo must be (complete|an image), got"),
    "no pixel data": (broken_png(8, 8), r"photo must be complete, got"),
    "too large": (broken_png(20000, 20000), r"at most 200 megapixels, got 20000 x 20000 \(400 meg"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", r"photo must be an image"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.filterwarnings("error")
def test_broken_files_give_one_clear_line(name, tmp_path):
    data, message = BAD[name]
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    for source, place in ((path, str(path)), (data, "bytes given"), (io.BytesIO(data), "file obj")):
        with pytest.raises(InputError, match=message) as caught:
            read_image(source)
        assert place in str(caught.value) and "\n" not in str(caught.value)


def test_a_bomb_is_never_decoded(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(InputError, match="at most 200 megapixels"):
        read_image(broken_png(20000, 20000))


def test_pillows_own_limit_is_left_as_it_was(photo):
    before = Image.MAX_IMAGE_PIXELS
    read_image(encode(Image.fromarray(photo), "PNG"))
    assert Image.MAX_IMAGE_PIXELS == before
    with pytest.raises(InputError, match="at most 0.0005 megapixels, got 40 x 24"):
        read_image(photo, max_pixels=500)


def test_missing_file_folder_and_unreadable_file(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"must be an existing file, got .*no\.jpg\. Check the"):
        read_image(tmp_path / "no.jpg")
    with pytest.raises(InputError, match="must be a file, got the folder"):
        read_image(tmp_path)
    path = tmp_path / "x.jpg"
    path.touch()

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", refuse)
    with pytest.raises(InputError, match="that can be read, got 'Permission denied', at .*x.jpg"):
        read_image(path)


def test_wrong_types_and_arrays(tmp_path):
    for source, got in ((7, "int"), (None, "NoneType"), (io.StringIO("a"), "reads text")):
        with pytest.raises(InputError, match=f"a path, bytes, a binary file.*got .*{got}"):
            read_image(source)
    with pytest.raises(InputError, match=r"\(H, W, 3\) or \(H, W, 4\), got \(2, 4, 4, 3\)"):
        read_image(np.zeros((2, 4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="uint8, uint16 or bool, got float32"):
        read_image(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(InputError, match="must have pixels, got 5 x 0"):
        read_image(np.zeros((0, 5, 3), np.uint8))


def test_colours_that_do_not_convert(monkeypatch):
    def refuse(self, mode):
        raise ValueError("conversion not supported")

    picture = Image.new("HSV", (4, 4))
    monkeypatch.setattr(Image.Image, "convert", refuse)
    with pytest.raises(InputError, match="colours that convert to RGB, got mode HSV"):
        read_image(picture)


def test_source_name(tmp_path):
    assert image_module.source_name("a.jpg") == "a.jpg"
    assert image_module.source_name(tmp_path) == str(tmp_path)
    assert image_module.source_name(b"") is None
