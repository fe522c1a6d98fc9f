"""Which files of a folder hold candles, and of what symbol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hedgerow.domain.errors import InputRefused

SUFFIXES = (".csv", ".csv.gz", ".parquet")
_NAME = re.compile(r"([A-Z0-9]+)_([A-Z0-9]+)")
_NAMING = "name each file after its symbol, such as BTC_USDT.csv, BTC_USDT.csv.gz or .parquet"


def candle_files(folder: Path, symbols: Sequence[str] | None) -> dict[str, Path]:
    """The file of each symbol asked for (None asks for all), symbols sorted.

    Hidden files, folders and documents such as a README are passed over. Raises InputRefused
    for a file that looks like candles and cannot be read, and for a symbol without a file.
    """
    found = _found(folder)
    if not found:
        raise InputRefused(what="no candle files", where=str(folder), fix=_NAMING)
    wanted = sorted(found if symbols is None else set(symbols))
    if not wanted:
        fix = f"choose among {', '.join(sorted(found))}"
        raise InputRefused(what="no symbol asked for", where=str(folder), fix=fix)
    for symbol in wanted:
        if symbol not in found:
            fix = f"choose among {', '.join(sorted(found))}, or add {symbol.replace('/', '_')}.csv"
            raise InputRefused(what=f"no candles of {symbol}", where=str(folder), fix=fix)
    return {symbol: found[symbol] for symbol in wanted}


def _found(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in _listing(folder):
        symbol = _symbol_of(path)
        if symbol is None:
            continue
        if symbol in found:
            what = f"two files of {symbol}: {found[symbol].name} and {path.name}"
            raise InputRefused(what=what, where=str(folder), fix="keep one of them")
        found[symbol] = path
    return found


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise InputRefused(
            what=f"the folder of candles cannot be read: {error.strerror}",
            where=str(folder),
            fix="name a folder that holds files such as BTC_USDT.csv",
        ) from error


def _symbol_of(path: Path) -> str | None:
    if path.name.startswith("."):
        return None
    stem, dot, rest = path.name.partition(".")
    suffix = dot + rest
    name = _NAME.fullmatch(stem)
    if suffix in SUFFIXES and name is not None:
        return f"{name[1]}/{name[2]}"
    if path.name.lower().endswith(SUFFIXES):
        what = "the file name does not say which symbol it holds"
        raise InputRefused(what=what, where=str(path), fix=_NAMING)
    if name is not None:
        what = f"candles in a kind of file that cannot be read: {suffix or 'no suffix'}"
        raise InputRefused(what=what, where=str(path), fix="save it as .csv, .csv.gz or .parquet")
    return None
