"""Keys from a file that is nobody else's business, from the environment, or from a command."""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path

import pytest

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.secrets import Secret
from hedgerow.infrastructure.vault import key_sources
from hedgerow.infrastructure.vault.key_sources import GivenKeys, KeyCommand, KeyFile, KeySource
from hedgerow.infrastructure.vault.master_key import MasterKey

OLD, NEW = base64.b64encode(b"o" * 32).decode(), base64.b64encode(b"n" * 32).decode()


def keys_of(source: KeySource) -> list[str]:
    return [key.text().reveal() for key in source.read()]


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "vault" / "keys")


class TestKeyFile:
    def test_holds_nothing_until_a_key_is_added(self, key_file: KeyFile) -> None:
        assert key_file.read() == ()
        assert not key_file.path.exists()

    def test_a_new_key_comes_first_and_only_its_owner_can_read_it(self, key_file: KeyFile) -> None:
        key_file.add()
        (first,) = keys_of(key_file)
        key_file.add()
        newest, second = keys_of(key_file)
        assert (second, len(base64.b64decode(newest))) == (first, 32)
        assert key_file.path.stat().st_mode & 0o777 == 0o600
        assert key_file.path.parent.stat().st_mode & 0o777 == 0o700
        assert newest != first

    def test_forgets_keys_and_itself_with_the_last_one(self, key_file: KeyFile) -> None:
        key_file.add()
        key_file.add()
        newest, oldest = key_file.read()
        key_file.drop([oldest.id, "unknown"])
        assert keys_of(key_file) == [newest.text().reveal()]
        key_file.drop([newest.id])
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
        kept = keys_of(key_file)
        key_file.path.with_name("keys.new").write_text("half a ke")
        assert keys_of(key_file) == kept
        key_file.add()
        assert keys_of(key_file)[1:] == kept

    def test_a_folder_that_cannot_be_made_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "vault").touch()
        with pytest.raises(InputRefused, match="key file cannot be"):
            KeyFile(tmp_path / "vault" / "keys").add()


class TestGivenKeys:
    def test_gives_its_keys_newest_first(self) -> None:
        assert keys_of(GivenKeys(Secret(f"{NEW}, {OLD},{NEW}"))) == [NEW, OLD]

    @pytest.mark.parametrize("text", ["canary", "Y2FuYXJ5", f"{NEW},canary", ","])
    def test_anything_but_keys_is_refused_and_not_repeated(self, text: str) -> None:
        with pytest.raises(InputRefused) as caught:
            GivenKeys(Secret(text))
        assert caught.value.where.startswith("HEDGEROW_VAULT_KEY")
        assert "canary" not in str(caught.value)
        assert "openssl rand -base64 32" in caught.value.fix

    def test_a_person_has_to_add_to_it(self) -> None:
        given = GivenKeys(Secret(NEW))
        with pytest.raises(InputRefused, match="no newer key"):
            given.add()
        given.drop([key.id for key in given.read()])
        assert keys_of(given) == [NEW]


class TestKeyCommand:
    def test_takes_what_the_command_prints(self) -> None:
        command = KeyCommand(Secret(f"echo {NEW} | cat; printf '%s\\n' '{OLD}'"))
        assert keys_of(command) == [NEW, OLD]

    @pytest.mark.parametrize(
        ("command", "problem"),
        [("echo canary >&2; echo canary; exit 3", "exit code 3"), ("echo canary", "not 32 bytes")],
    )
    def test_a_failure_tells_neither_output_nor_command(self, command: str, problem: str) -> None:
        with pytest.raises(InputRefused, match=problem) as caught:
            KeyCommand(Secret(command)).read()
        assert caught.value.where.startswith("HEDGEROW_VAULT_KEY_COMMAND")
        assert "canary" not in str(caught.value)

    def test_a_command_that_hangs_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(key_sources, "_COMMAND_SECONDS_MAX", 0.1)
        with pytest.raises(InputRefused, match="no key within") as caught:
            KeyCommand(Secret("echo canary; sleep 5")).read()
        assert caught.value.__context__ is None

    def test_a_person_has_to_add_to_it(self) -> None:
        with pytest.raises(InputRefused, match="no newer key"):
            KeyCommand(Secret("true")).add()


def test_a_key_shows_its_id_alone() -> None:
    key = MasterKey.make()
    assert repr(key) == f"MasterKey({key.id})"
    assert len(bytes.fromhex(key.id)) == 8
    assert MasterKey.of_text(key.text().reveal()) is not None
