import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mindcast.data.radar.sequences.pictures import extent, read_grey
from mindcast.refusal import Refusal

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.png"


def refusal(path):
    with pytest.raises(Refusal) as caught:
        read_grey(path, 0)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def png(path, bits, colour, rows, *chunks):
    """A PNG written by hand, with what Pillow does not write: rows of packed samples."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 4, len(rows), bits, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", body), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def test_few_bits_are_spread_over_the_grey_values_and_their_key_with_them(path):
    # 4 bits: 0, 5, 10, 15 are 0, 85, 170, 255
    png(path, 4, 0, [bytes([0x05, 0xAF])], (b"tRNS", struct.pack(">H", 10)))
    codes, transparent = read_grey(path, 0)
    np.testing.assert_array_equal(codes, [[0, 85, 170, 255]])
    np.testing.assert_array_equal(transparent, [[False, False, True, False]])


def test_sixteen_bits_keep_their_values_and_their_key(path):
    png(path, 16, 0, [struct.pack(">4H", 0, 256, 257, 65535)], (b"tRNS", struct.pack(">H", 257)))
    codes, transparent = read_grey(path, 0)
    np.testing.assert_array_equal(codes, [[0, 256, 257, 65535]])
    np.testing.assert_array_equal(transparent, [[False, False, True, False]])


def test_channels_of_sixteen_bits_are_refused(path):
    png(path, 16, 4, [struct.pack(">8H", *[300, 65535] * 4)])
    assert "holds channels of 16 bits, of which 8 would be read" in refusal(path)


def test_partly_transparent_pixels_are_refused(path):
    alpha = np.full_like(GREY, 255)
    alpha[1, 1] = 128
    Image.fromarray(np.dstack([GREY, alpha]), "LA").save(path)
    assert "a.png: frame 0 has pixels that are partly transparent" in refusal(path)


def test_colours_below_transparent_pixels_do_not_count(path):
    channels = np.dstack([GREY] * 3 + [np.full_like(GREY, 255)])
    channels[0, 0] = (255, 0, 0, 0)
    Image.fromarray(channels, "RGBA").save(path)
    codes, transparent = read_grey(path, 0)
    np.testing.assert_array_equal(transparent, np.arange(12).reshape(3, 4) == 0)
    np.testing.assert_array_equal(codes[~transparent], GREY[~transparent])
    channels[0, 0, 3] = 255
    Image.fromarray(channels, "RGBA").save(path)
    assert "frame 0 is coloured, expected grey values" in refusal(path)


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_lossy_pictures_are_refused_whatever_their_name(path, kind):
    Image.fromarray(GREY).save(path, kind)
    assert f"is a {kind.upper()} picture, whose values are not those" in refusal(path)


def test_interlaced_pictures_are_as_others(path):
    Image.fromarray(GREY).save(path, interlace=1)
    np.testing.assert_array_equal(read_grey(path, 0)[0], GREY)


def test_frames_of_an_animation_are_whole_whatever_it_saved_of_them(tmp_path):
    frames = [np.full((6, 8), 50, np.uint8) for _ in range(4)]
    for k, frame in enumerate(frames):
        frame[k, k] = 200  # a small part changes, which is all that is saved
    first, *others = [Image.fromarray(frame) for frame in frames]
    path = tmp_path / "a.gif"
    first.save(path, save_all=True, append_images=others, disposal=1)
    assert extent(path) == (4, 6, 8)
    for k, frame in enumerate(frames):
        codes, transparent = read_grey(path, k)
        np.testing.assert_array_equal(codes, frame)
        assert transparent is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!doctype html>", "not a readable picture (a web page"),
        (b"", "not a readable picture (empty); fetch it again"),
        (b"PK\x03\x04" + bytes(20), "not a readable picture (a ZIP archive); unpack it"),
    ],
)
def test_what_is_no_picture_is_named(path, content, words):
    path.write_bytes(content)
    assert words in refusal(path)
