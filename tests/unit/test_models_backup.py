"""Files of learned models go into backups as they are, and come back beside those that are here."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.agents.regimes.backup import ModelsBackup
from hedgerow.usecases.ports.backup import ModelDump

FIRST, SECOND = "regime_model_1h_v1", "regime_model_4h_v1"


def kept(folder: Path, **models: str) -> ModelsBackup:
    """A folder with these models."""
    folder.mkdir(parents=True)
    for version, text in models.items():
        (folder / f"{version}.json").write_text(text)
    return ModelsBackup(folder)


def dump(version: str, content: bytes) -> ModelDump:
    return ModelDump(version, sha256(content).hexdigest())


def test_every_version_is_written_as_it_is(tmp_path: Path) -> None:
    models = kept(tmp_path / "regimes", **{SECOND: "{2}", FIRST: "damaged"}, notes="mine")
    assert models.versions() == [FIRST, SECOND]
    sink = BytesIO()
    models.write(FIRST, sink)
    assert sink.getvalue() == b"damaged"


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    assert ModelsBackup(tmp_path / "regimes").versions() == []


def test_a_file_that_has_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="cannot be read"):
        ModelsBackup(tmp_path / "regimes").write(FIRST, BytesIO())


@pytest.mark.parametrize("is_new", [True, False])
def test_restored_models_stand_beside_the_others(tmp_path: Path, is_new: bool) -> None:
    folder = tmp_path / "regimes"
    models = ModelsBackup(folder) if is_new else kept(folder, **{FIRST: "old", SECOND: "other"})
    with models.staged() as staged:
        staged.read(FIRST, BytesIO(b"restored"))
        before = [] if is_new else [FIRST, SECOND]
        assert models.versions() == before
        staged.put_in_place()
    assert (folder / f"{FIRST}.json").read_text() == "restored"
    assert models.versions() == ([FIRST] if is_new else [FIRST, SECOND])
    assert [each.name for each in tmp_path.iterdir()] == ["regimes"]


def test_a_restore_that_breaks_off_changes_nothing(tmp_path: Path) -> None:
    models = kept(tmp_path / "regimes", **{FIRST: "old"})

    def break_off() -> None:
        with models.staged() as staged:
            staged.read(FIRST, BytesIO(b"restored"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert (tmp_path / "regimes" / f"{FIRST}.json").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["regimes"]


def test_another_model_of_the_same_version_is_in_the_way(tmp_path: Path) -> None:
    models = kept(tmp_path / "regimes", **{FIRST: "{}"})
    models.require_no_others([dump(FIRST, b"{}"), dump(SECOND, b"{}")])
    with pytest.raises(InputRefused, match="another model") as refused:
        models.require_no_others([dump(FIRST, b"[]")])
    assert "--replace" in refused.value.fix


@pytest.mark.parametrize("name", ["../../vault/keys", "notes", ""])
def test_a_name_that_is_no_version_leads_nowhere(tmp_path: Path, name: str) -> None:
    models = kept(tmp_path / "regimes")
    with pytest.raises(InputRefused, match="not what a backup"):
        models.require_no_others([dump(name, b"{}")])
    with models.staged() as staged, pytest.raises(InputRefused, match="not what a backup"):
        staged.read(name, BytesIO(b"{}"))
