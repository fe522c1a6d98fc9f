"""Bodies of requests, decompressed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Any, Final

import lz4.frame
import zstandard

from hedgerow.infrastructure.clickhouse.front.problems import (
    CANNOT_DECOMPRESS,
    NOT_IMPLEMENTED,
    FrontProblem,
)


def _frames(body: bytes, new_decompressor: Callable[[], Any]) -> bytes:
    """The content of all frames; half a frame is damage, never half a content."""
    parts: list[bytes] = []
    while body:
        decompressor = new_decompressor()
        parts.append(decompressor.decompress(body))
        if not decompressor.eof:
            raise EOFError("the last frame is cut off")
        body = decompressor.unused_data or b""
    return b"".join(parts)


def _from_zstd(body: bytes) -> bytes:
    return _frames(body, lambda: zstandard.ZstdDecompressor().decompressobj())


def _from_lz4(body: bytes) -> bytes:
    return _frames(body, lz4.frame.LZ4FrameDecompressor)


_DECODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "zstd": _from_zstd,
    "lz4": _from_lz4,
}


def decoded(body: bytes, encoding: str) -> bytes:
    """`body` without its Content-Encoding; raises FrontProblem for one unknown, or damage."""
    decoder = _DECODERS.get(encoding.strip().lower())
    if decoder is None:
        known = ", ".join(name for name in _DECODERS if name)
        raise FrontProblem(
            NOT_IMPLEMENTED, f"Content-Encoding {encoding!r} is not spoken here; use {known}"
        )
    try:
        return decoder(body)
    except (OSError, EOFError, RuntimeError, zlib.error, zstandard.ZstdError) as error:
        raise FrontProblem(CANNOT_DECOMPRESS, f"the body is not {encoding}: {error}") from error
