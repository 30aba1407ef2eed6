"""What a picture file would cost to decode, found in its bytes: Pillow finds out only while it pays.

The size of a canvas, the scans and segments of a JPEG, the chunks of a PNG and the runs of a BMP each cost time or
memory that has nothing to do with the size of the file.
"""

from __future__ import annotations

import re
import struct

from reading.errors import NotAPicture, PictureTooLarge

MAX_SIDE = 16_384  # pixels a side of a picture that is decoded at all
MAX_PIXELS = 4096 * 4096  # of a picture that is decoded as it is
MAX_JPEG = 50_000_000  # pixels of a JPEG, which is scaled down while it is decoded; the largest phones make 48 million
MAX_WEBP = 9_000_000  # pixels of a WebP: Pillow holds each four times while it decodes, 16 bytes in all
MAX_CHUNKS = 4096  # a PNG of 8 MB has about 1,000 in practice; each costs time whatever its size
MAX_SEGMENTS = 1000  # of a JPEG; a camera's has tens, and Pillow's time grows with their square
MAX_SCANS = 100  # of a progressive JPEG; cameras and browsers write about ten
MAX_SCANNED = 500_000_000  # pixels times scans: each scan goes through all pixels
MAX_FILL = 64  # bytes of 0xFF in front of a JPEG's marker; Pillow reads them one by one
MAX_RUNS = 2**20  # bytes of a run-length encoded BMP, which Pillow decodes slowly
DAMAGED = "The picture is damaged or cut off. Save or send it again."

PNG_START, JPEG_START = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # what is no fill byte, stuffed byte or restart marker
_SOS, _EOI = 0xDA, 0xD9
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # the markers whose segments state the size
_SEQUENTIAL = {0xC0, 0xC1}  # of these frames, those that need not come in several scans


def check(data: bytes) -> None:
    """Raise NotAPicture or PictureTooLarge if decoding the file would cost more than a picture may."""
    if data.startswith(PNG_START):
        _check_png(data)
    elif data.startswith(JPEG_START):
        _check_jpeg(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        check_size(*_webp_size(data), "WEBP")
    elif data[:2] == b"BM" and data[30:31] in (b"\1", b"\2") and len(data) > MAX_RUNS:
        raise NotAPicture("The picture is a run-length encoded BMP of more than 1 MB. Save it as PNG.")


def check_size(width: int, height: int, kind: str | None) -> None:
    """Raise PictureTooLarge if a picture of a format, as Pillow calls it, has more pixels than may be decoded."""
    if max(width, height) > MAX_SIDE:
        raise PictureTooLarge(f"The picture is too large. It may have up to {MAX_SIDE:,} pixels a side.")
    if kind == "WEBP" and width * height > MAX_WEBP:
        most = f"{MAX_WEBP // 10**6} million pixels"
        raise PictureTooLarge(f"The picture is too large. A WebP may have up to {most}; send it as PNG or JPEG.")
    if width * height > (MAX_JPEG if kind in ("JPEG", "MPO") else MAX_PIXELS):
        raise too_large()


def too_large() -> PictureTooLarge:
    """The problem that a picture has too many pixels."""
    most, jpeg = MAX_PIXELS // 10**6, MAX_JPEG // 10**6
    return PictureTooLarge(
        f"The picture is too large. It may have up to {most} million pixels, as a JPEG that is not progressive {jpeg}."
    )


def _check_png(data: bytes) -> None:
    """Chunks are counted, and there is one colour profile at most (PNG, section 5.6): each is unpacked."""
    offset, profiles = len(PNG_START), 0
    for _ in range(MAX_CHUNKS):
        if offset + 8 > len(data):
            return
        profiles += data[offset + 4 : offset + 8] == b"iCCP"
        if profiles > 1:
            raise NotAPicture(DAMAGED)
        offset += 12 + int.from_bytes(data[offset : offset + 4], "big")
    raise NotAPicture(f"The picture is a PNG of more than {MAX_CHUNKS} pieces. Save it again.")


def _check_jpeg(data: bytes) -> None:
    """Segments and scans are counted up to the end of the image (ITU-T T.81, annex B); a film may follow there."""
    at, segments, scans, pixels, parts = 2, 0, 0, 0, 0
    while found := _MARKER.search(data, at):
        if not scans and found.start() - at > MAX_FILL:
            raise NotAPicture(DAMAGED)
        marker, at = data[found.start() + 1], found.end()
        if marker == _EOI:
            return
        segments, scans = segments + 1, scans + (marker == _SOS)
        if marker in _FRAMES and len(data) >= at + 8:
            height, width, parts = struct.unpack(">HHB", data[at + 3 : at + 8])
            check_size(width, height, "JPEG")
            pixels = height * width
        is_whole = marker != _SOS or data[at + 2 : at + 3] == bytes([parts])  # with all colours in one scan
        if pixels > MAX_PIXELS and (marker in _FRAMES - _SEQUENTIAL or not is_whole):
            raise too_large()  # all of it would be in memory, until the last scan has come
        if segments > MAX_SEGMENTS:
            raise NotAPicture(f"The picture is a JPEG of more than {MAX_SEGMENTS} segments. Save it again.")
        if scans > min(MAX_SCANS, MAX_SCANNED // max(pixels, 1)):
            raise NotAPicture(f"The picture is a JPEG of more than {scans - 1} scans. Save it again.")
        at += int.from_bytes(data[at : at + 2], "big")
    if len(data) - at > MAX_FILL and not scans:
        raise NotAPicture(DAMAGED)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height in the header of a WebP file (RFC 9649, sections 2.5 to 2.7); (0, 0) without one."""
    kind, head = data[12:16], data[20:30]
    if len(head) < 10:
        return 0, 0
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", head[6:10])
    return width & 0x3FFF, height & 0x3FFF
