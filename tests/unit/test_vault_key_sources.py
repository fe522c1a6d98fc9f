"""Keys from a file that is nobody else's business, from the environment, or from a command."""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path

import pytest

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.vault import key_sources
from hedgerow.infrastructure.vault.envelope import key_id_of
from hedgerow.infrastructure.vault.key_sources import GivenKeys, KeyCommand, KeyFile

OLD, NEW = b"o" * 32, b"n" * 32


def text_of(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "vault" / "keys")


class TestKeyFile:
    def test_holds_nothing_until_a_key_is_added(self, key_file: KeyFile) -> None:
        assert key_file.read() == ()
        assert not key_file.path.exists()

    def test_a_new_key_comes_first_and_only_its_owner_can_read_it(self, key_file: KeyFile) -> None:
        key_file.add()
        (first,) = key_file.read()
        key_file.add()
        newest, second = key_file.read()
        assert (second, len(newest)) == (first, 32)
        assert key_file.path.stat().st_mode & 0o777 == 0o600
        assert key_file.path.parent.stat().st_mode & 0o777 == 0o700
        assert newest != first

    def test_forgets_keys_and_itself_with_the_last_one(self, key_file: KeyFile) -> None:
        key_file.add()
        key_file.add()
        newest, oldest = key_file.read()
        key_file.drop([key_id_of(oldest), "unknown"])
        assert key_file.read() == (newest,)
        key_file.drop([key_id_of(newest)])
        assert not key_file.path.exists()

    def test_two_that_add_at_once_lose_no_key(self, key_file: KeyFile) -> None:
        adding = [threading.Thread(target=key_file.add) for _ in range(8)]
        for each in adding:
            each.start()
        for each in adding:
            each.join()
        assert len(key_file.read()) == 8

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
    def test_is_refused_where_others_can_reach_it(self, key_file: KeyFile, mode: int) -> None:
        key_file.add()
        key_file.path.chmod(mode)
        with pytest.raises(InputRefused, match="by others") as caught:
            key_file.read()
        assert caught.value.where == str(key_file.path)
        assert "chmod 600" in caught.value.fix

    def test_anything_but_a_file_of_ours_is_refused(self, key_file: KeyFile) -> None:
        key_file.path.mkdir(parents=True)
        with pytest.raises(InputRefused, match="not a file"):
            key_file.read()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_another_users_file_is_refused(self, key_file: KeyFile) -> None:
        key_file.add()
        os.chown(key_file.path, 65534, 65534)
        with pytest.raises(InputRefused, match="another user"):
            key_file.read()

    def test_a_damaged_line_is_named_and_not_repeated(self, key_file: KeyFile) -> None:
        key_file.add()
        with key_file.path.open("a") as file:
            file.write("canary\n")
        with pytest.raises(InputRefused) as caught:
            key_file.read()
        assert caught.value.where == f"{key_file.path}, line 2"
        assert "canary" not in str(caught.value)

    def test_a_write_cut_short_leaves_the_old_keys(self, key_file: KeyFile) -> None:
        key_file.add()
        kept = key_file.read()
        key_file.path.with_name("keys.new").write_text("half a ke")
        assert key_file.read() == kept
        key_file.add()
        assert key_file.read()[1:] == kept

    def test_a_folder_that_cannot_be_made_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "vault").touch()
        with pytest.raises(InputRefused, match="key file cannot be"):
            KeyFile(tmp_path / "vault" / "keys").add()


class TestGivenKeys:
    def test_gives_its_keys_newest_first(self) -> None:
        given = GivenKeys(f"{text_of(NEW)}, {text_of(OLD)},{text_of(NEW)}")
        assert given.read() == (NEW, OLD)

    @pytest.mark.parametrize("text", ["canary", text_of(b"canary"), f"{text_of(NEW)},canary", ","])
    def test_anything_but_keys_is_refused_and_not_repeated(self, text: str) -> None:
        with pytest.raises(InputRefused) as caught:
            GivenKeys(text)
        assert caught.value.where.startswith("HEDGEROW_VAULT_KEY")
        assert "canary" not in str(caught.value)
        assert "openssl rand -base64 32" in caught.value.fix

    def test_a_person_has_to_add_to_it(self) -> None:
        given = GivenKeys(text_of(NEW))
        with pytest.raises(InputRefused, match="no newer key"):
            given.add()
        given.drop([key_id_of(NEW)])
        assert given.read() == (NEW,)


class TestKeyCommand:
    def test_takes_what_the_command_prints(self) -> None:
        command = KeyCommand(f"echo {text_of(NEW)} | cat; printf '%s\\n' '{text_of(OLD)}'")
        assert command.read() == (NEW, OLD)

    @pytest.mark.parametrize(
        ("command", "problem"),
        [("echo canary >&2; echo canary; exit 3", "exit code 3"), ("echo canary", "not 32 bytes")],
    )
    def test_a_failure_tells_neither_output_nor_command(self, command: str, problem: str) -> None:
        with pytest.raises(InputRefused, match=problem) as caught:
            KeyCommand(command).read()
        assert caught.value.where.startswith("HEDGEROW_VAULT_KEY_COMMAND")
        assert "canary" not in str(caught.value)

    def test_a_command_that_hangs_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(key_sources, "_COMMAND_SECONDS_MAX", 0.1)
        with pytest.raises(InputRefused, match="no key within") as caught:
            KeyCommand("echo canary; sleep 5").read()
        assert caught.value.__context__ is None

    def test_a_person_has_to_add_to_it(self) -> None:
        with pytest.raises(InputRefused, match="no newer key"):
            KeyCommand("true").add()
