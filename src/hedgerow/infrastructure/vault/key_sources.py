"""Where key-encryption keys come from: a file of our own, the environment, or a command.

All three give text with one key to a line, each 32 bytes in base64, the newest first. The newest
locks; the others only open, until a rotation has made them superfluous.

No function that may raise has a key, or text that may be one, in a variable: there are tools that
print every variable of a traceback.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, Protocol

from filelock import FileLock

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.secrets import Secret
from hedgerow.infrastructure.vault.master_key import KEY_BYTES, MasterKey

KEY_SETTING: Final = "HEDGEROW_VAULT_KEY"
COMMAND_SETTING: Final = "HEDGEROW_VAULT_KEY_COMMAND"
_MAKE_A_KEY: Final = "openssl rand -base64 32"
_COMMAND_SECONDS_MAX: Final = 60
_Change = Callable[[Sequence[MasterKey]], Sequence[MasterKey]]
# lines with their numbers, and None for a line that is no key
_Lines = Sequence[tuple[int, MasterKey | None]]


class KeySource(Protocol):
    """Keys by the newest first. Reading may block: a command may ask a service far away."""

    @property
    def name(self) -> str:
        """What a person calls it: the path, or the setting."""
        ...

    def read(self) -> Sequence[MasterKey]:
        """All keys, none where nothing has been kept yet; raises InputRefused."""
        ...

    def add(self) -> None:
        """Keep a new random key as the newest; raises InputRefused where a person does that."""
        ...

    def drop(self, key_ids: Collection[str]) -> None:
        """Forget keys, where they are ours to forget."""
        ...


class KeyFile:
    """A file that only its owner can read, made when the first key is added."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def read(self) -> Sequence[MasterKey]:
        """All keys; raises InputRefused where others could have read them, or the file is odd."""
        try:
            self._require_private()
            lines = _parsed(self.path.read_text(encoding="ascii", errors="replace"))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._refused(f"the vault's key file cannot be read: {error.strerror}") from error
        return _keys_in(lines, self.name)

    def add(self) -> None:
        """Keep a new random key as the newest."""
        self._rewrite(lambda keys: [MasterKey.make(), *keys])

    def drop(self, key_ids: Collection[str]) -> None:
        """Forget keys; a file without a key is removed."""
        if self.path.exists():
            self._rewrite(lambda keys: [key for key in keys if key.id not in key_ids])

    def _rewrite(self, change: _Change) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self.path.with_name("keys.lock"), mode=0o600):
                keys = change(self.read())
                if keys:
                    _write_private(self.path, keys)
                else:
                    self.path.unlink(missing_ok=True)
        except OSError as error:
            problem = f"the vault's key file cannot be written: {error.strerror}"
            raise self._refused(problem) from error

    def _require_private(self) -> None:
        found = self.path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise self._refused("the vault's key file is not a file")
        if found.st_uid != os.geteuid():
            raise self._refused("the vault's key file belongs to another user")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise InputRefused(
                what="the vault's key file can be read or changed by others",
                where=self.name,
                fix="chmod 600 it, and rotate (hedgerow vault rotate) if others may have read it",
            )

    def _refused(self, what: str) -> InputRefused:
        return InputRefused(what, self.name, "restore it as it was, readable by its owner alone")


class GivenKeys:
    """Keys from the environment: the person who sets them also makes and forgets them."""

    def __init__(self, text: Secret) -> None:
        self._keys = _keys_in(_parsed(text.reveal().replace(",", "\n")), KEY_SETTING)

    @property
    def name(self) -> str:
        """The setting."""
        return KEY_SETTING

    def read(self) -> Sequence[MasterKey]:
        """All keys."""
        return self._keys

    def add(self) -> None:
        """Refused: we cannot change the environment of the next process."""
        raise InputRefused(
            what="holds no newer key to rotate to",
            where=KEY_SETTING,
            fix=f"make one with `{_MAKE_A_KEY}` and set NEW,OLD: the new key in front of the old",
        )

    def drop(self, key_ids: Collection[str]) -> None:
        """Nothing: whoever set the keys unsets them, told by `vault rotate`."""


class KeyCommand:
    """Keys from the standard output of a command, run by the shell: the way to any KMS."""

    def __init__(self, command: Secret) -> None:
        self._command = command

    @property
    def name(self) -> str:
        """The setting."""
        return COMMAND_SETTING

    def read(self) -> Sequence[MasterKey]:
        """Run the command and take its keys; raises InputRefused where it fails."""
        ended = self._run()
        if ended is None:
            raise self._refused(f"gave no key within {_COMMAND_SECONDS_MAX} s")
        exit_code, lines = ended
        if exit_code != 0:
            raise self._refused(f"ended with exit code {exit_code}")
        return _keys_in(lines, self.name)

    def add(self) -> None:
        """Refused: only whoever runs the key service can make a key there."""
        raise InputRefused(
            what="gave no newer key to rotate to",
            where=COMMAND_SETTING,
            fix="let the command print the new key on a line in front of the old one",
        )

    def drop(self, key_ids: Collection[str]) -> None:
        """Nothing: the key service forgets its keys itself, told by `vault rotate`."""

    def _run(self) -> tuple[int, _Lines] | None:
        try:
            done = subprocess.run(
                ["/bin/sh", "-c", self._command.reveal()],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_COMMAND_SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            # not raised from here: this error holds the command and what it has said so far
            return None
        return done.returncode, _parsed(done.stdout.decode("ascii", errors="replace"))

    def _refused(self, what: str) -> InputRefused:
        # neither the command nor what it said is repeated: both may hold a secret
        return InputRefused(
            what, COMMAND_SETTING, "run it by hand: it must print 32 bytes in base64"
        )


def key_sources(file: Path, given: Secret | None, command: Secret | None) -> Sequence[KeySource]:
    """All sources, the one that locks first; raises InputRefused where `given` is no key.

    The file stays readable behind the others, so that keys can move away from it.
    """
    sources: list[KeySource] = [KeyFile(file)]
    if given is not None:
        sources.insert(0, GivenKeys(given))
    if command is not None:
        sources.insert(0, KeyCommand(command))
    return sources


def _parsed(text: str) -> _Lines:
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    return [(number, MasterKey.of_text(line)) for number, line in lines if line]


def _keys_in(lines: _Lines, where: str) -> Sequence[MasterKey]:
    """The keys, without repetition; raises InputRefused naming the line that is none."""
    keys: dict[str, MasterKey] = {}
    for number, key in lines:
        if key is None:
            raise InputRefused(
                what=f"is not a key: not {KEY_BYTES} bytes in base64",
                where=f"{where}, line {number}",
                fix=f"make one with `{_MAKE_A_KEY}`",
            )
        keys.setdefault(key.id, key)
    if not keys:
        raise InputRefused("holds no key", where, f"make one with `{_MAKE_A_KEY}`")
    return tuple(keys.values())


def _write_private(path: Path, keys: Sequence[MasterKey]) -> None:
    """The file is either the old one or the whole new one, also after a power cut."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{key.text().reveal()}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
