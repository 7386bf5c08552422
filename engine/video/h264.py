"""Just enough of H.264 (ITU-T H.264, 7.3, 7.4 and D.1) to tell where decoding may start, and what it may omit."""

from collections.abc import Iterator

_SEI, _IDR = 6, 5
_SLICES = (1, 2, _IDR)  # of any kind, or its first partition
_NEEDED_BY_NONE = (3, 4, _SEI, 9, 12)  # other partitions, messages, the mark between pictures, filling
_REFERENCE = 0x60
_RECOVERY_POINT = 6


def starts_clean(data: memoryview, extradata: bytes | None) -> bool:
    """Whether all frames shown from this access unit on decode exactly when decoding starts here.

    So it is with an IDR picture, and with a recovery point whose recovery is immediate and exact. Containers call
    other pictures key frames too: plain I pictures, or the start of a gradual refresh.

    Args:
        data: one packet, in start code or length-prefixed form.
        extradata: of the stream, which tells the form.
    """
    for unit in _units(data, extradata):
        kind = unit[0] & 31
        if kind == _IDR or (kind == _SEI and _recovers_at_once(unit)):
            return True
    return False


def is_unreferenced(data: memoryview, extradata: bytes | None) -> bool:
    """Whether no other picture is built on what is in this packet, so that it may be left out undecoded.

    Args:
        data: one packet, a whole picture or both of its fields, in start code or length-prefixed form.
        extradata: of the stream, which tells the form.
    """
    slices = 0
    for unit in _units(data, extradata):
        kind = unit[0] & 31
        if kind in _SLICES:
            if unit[0] & _REFERENCE:
                return False
            slices += 1
        elif kind not in _NEEDED_BY_NONE:
            return False
    return slices > 0


def _units(data: memoryview, extradata: bytes | None) -> Iterator[memoryview]:
    if extradata and len(extradata) > 6 and extradata[0] == 1:
        size = (extradata[4] & 3) + 1
        at = 0
        while at + size < len(data):
            length = int.from_bytes(data[at : at + size], "big")
            at += size
            if 0 < length <= len(data) - at:
                yield data[at : at + length]
            at += length
        return
    text = bytes(data)
    at = text.find(b"\0\0\1")
    while 0 <= at < len(text) - 3:
        end = text.find(b"\0\0\1", at + 3)
        yield data[at + 3 : end if end >= 0 else len(data)]
        at = end


def _recovers_at_once(sei: memoryview) -> bool:
    payload = bytes(sei[1:]).replace(b"\0\0\3", b"\0\0")
    at = 0
    while at + 2 < len(payload):
        kind, at = _coded(payload, at)
        size, at = _coded(payload, at)
        if kind == _RECOVERY_POINT:
            # recovery_frame_cnt is ue(v): a first bit of 1 means 0 frames; then comes exact_match_flag
            return at < len(payload) and payload[at] & 0xC0 == 0xC0
        at += size
    return False


def _coded(payload: bytes, at: int) -> tuple[int, int]:
    value = 0
    while at < len(payload) and payload[at] == 255:
        value, at = value + 255, at + 1
    return (value + payload[at], at + 1) if at < len(payload) else (value, at)
