"""What a backup is made of: a dump of each store, and an archive that holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from hedgerow.usecases.ports.vault import Vault

POSTGRES = "postgres"
CLICKHOUSE = "clickhouse"
MODELS = "regimes"


@dataclass(frozen=True, slots=True)
class TableDump:
    """The rows of one table in an archive; `sha256` is that of the uncompressed member."""

    store: str
    table: str
    columns: tuple[str, ...]
    rows: int
    sha256: str

    @property
    def member(self) -> str:
        """The name of the member that holds the rows."""
        return f"{self.store}/{self.table}"


@dataclass(frozen=True, slots=True)
class ModelDump:
    """The file of a learned regime model in an archive, and its digest."""

    version: str
    sha256: str

    @property
    def member(self) -> str:
        """The name of the member that holds the file."""
        return f"{MODELS}/{self.version}.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds, and what it takes to restore it.

    `tables` come in an order in which each refers to earlier ones only; `partitions` are months
    (YYYY-MM) by table; `vault_key_ids` name the keys that lock the credentials, which are not in
    the archive.
    """

    format_version: int
    hedgerow_version: str
    created_at: datetime
    postgres_revision: str
    clickhouse_revision: str
    partitions: Mapping[str, Sequence[str]]
    vault_key_ids: tuple[str, ...]
    tables: tuple[TableDump, ...]
    models: tuple[ModelDump, ...] = ()


@dataclass(frozen=True, slots=True)
class BackupProgress:
    """A table or a model is done, one of several; `rows` is None for a model, which has none."""

    doing: str
    table: str
    rows: int | None
    tables_done: int
    tables: int


Show = Callable[[BackupProgress], None]


class StoreDump(Protocol):
    """The tables of a store as they are when it is opened, by name, with their columns."""

    @property
    def revision(self) -> str:
        """The newest migration that the store has."""
        ...

    @property
    def columns(self) -> Mapping[str, Sequence[str]]:
        """Columns by table; each table refers to earlier ones only."""
        ...

    async def write(self, table: str, sink: BinaryIO) -> int:
        """Write the rows of a table; returns how many."""
        ...


class RecordsDump(StoreDump, Protocol):
    """PostgreSQL at one moment, all users' rows."""

    @property
    def partitions(self) -> Mapping[str, Sequence[str]]:
        """Months (YYYY-MM) that have a partition of their own, by table."""
        ...

    @property
    def vault_key_ids(self) -> Sequence[str]:
        """Ids of the key-encryption keys in use, in the order of registering."""
        ...


class RecordsRestore(Protocol):
    """PostgreSQL in one transaction, held by one restore alone: undone unless committed.

    Raises InputRefused where PostgreSQL does not take what it is given.
    """

    def knows(self, revision: str) -> bool:
        """Whether this Hedgerow has that migration."""
        ...

    async def require_empty(self) -> None:
        """Raise InputRefused where the database holds users."""
        ...

    async def begin(self, revision: str, partitions: Mapping[str, Sequence[str]]) -> None:
        """Drop everything, and make the schema of that migration with these partitions."""
        ...

    async def read(self, table: str, columns: Sequence[str], source: BinaryIO) -> int:
        """Store the rows that a dump has written; returns how many."""
        ...

    async def settle(self) -> None:
        """Hold all rows to the rules of the database, and migrate to the newest schema."""
        ...

    async def commit(self) -> None:
        """Make everything durable."""
        ...


class MarketRestore(Protocol):
    """ClickHouse, which knows no transactions."""

    def knows(self, revision: str) -> bool:
        """Whether this Hedgerow has that migration."""
        ...

    async def require_empty(self) -> None:
        """Raise InputRefused where any table holds rows."""
        ...

    def emptied(self, revision: str) -> AbstractAsyncContextManager[None]:
        """Empty tables of that migration; empty again where the block is left by an error."""
        ...

    async def read(self, table: str, columns: Sequence[str], source: BinaryIO) -> int:
        """Store the rows that a dump has written; returns how many."""
        ...

    async def settle(self) -> None:
        """Migrate to the newest schema."""
        ...


class ModelsDump(Protocol):
    """The files of learned regime models."""

    def versions(self) -> Sequence[str]:
        """Every version that has a file."""
        ...

    def write(self, version: str, sink: BinaryIO) -> None:
        """Write a file as it is; raises InputRefused where it cannot be read."""
        ...


class StagedModels(Protocol):
    """Models of an archive on their way to the others."""

    def read(self, version: str, source: BinaryIO) -> None:
        """Take a file in; raises InputRefused for what is no version's name."""
        ...

    def put_in_place(self) -> None:
        """Let them stand among the models that are here, in place of those of the same version."""
        ...


class ModelsRestore(Protocol):
    """Where models are restored to; those of other versions stay."""

    def require_no_others(self, models: Sequence[ModelDump]) -> None:
        """Raise InputRefused where one of these versions is here and is another model."""
        ...

    def staged(self) -> AbstractContextManager[StagedModels]:
        """Room for models beside those that are here, given back when the block ends."""
        ...


class ArchiveWriter(Protocol):
    """An archive in the making."""

    def member(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A new member to write to; one at a time."""
        ...

    def sha256(self, name: str) -> str:
        """The digest of a member that is written."""
        ...

    def seal(self, manifest: Manifest) -> int:
        """Put the archive in its place, safe against a power cut; returns its size in bytes."""
        ...


class ArchiveReader(Protocol):
    """An archive that exists."""

    @property
    def manifest(self) -> Manifest:
        """What it holds."""
        ...

    async def verify(self, dump: TableDump | ModelDump) -> None:
        """Raise InputRefused unless the member is there, and is what it was when written."""
        ...

    def member(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A member to read from."""
        ...


class Archives(Protocol):
    """Archives by path; raises InputRefused where one cannot be made or used."""

    def create(self, path: Path) -> AbstractContextManager[ArchiveWriter]:
        """An archive that is at `path` once it is sealed, and nowhere if it never is."""
        ...

    def open(self, path: Path) -> AbstractContextManager[ArchiveReader]:
        """The archive at `path`."""
        ...


@dataclass(frozen=True, slots=True)
class BackupDesk:
    """What making a backup needs."""

    archives: Archives
    records: RecordsDump
    market: StoreDump
    models: ModelsDump
    vault: Vault
    hedgerow_version: str


@dataclass(frozen=True, slots=True)
class RestoreDesk:
    """What restoring one needs."""

    archives: Archives
    records: AbstractAsyncContextManager[RecordsRestore]
    market: MarketRestore
    models: ModelsRestore
    vault: Vault
