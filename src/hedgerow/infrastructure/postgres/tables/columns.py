"""How columns are written down: each with its type, and with what it means as its comment.

Enums are text with a check. Numbers are NUMERIC without a scale, so every digit comes back. Times
are `timestamptz`. Amounts are in quote currency and quantities in base currency, as in the domain.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hedgerow.domain.positions import LEVERAGE_MAX

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def choice(name: str, kind: type[StrEnum], doc: str, *, nullable: bool = False) -> Column[Any]:
    """Text that is one of the values of `kind`."""
    values = Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )
    return Column(name, values, nullable=nullable, comment=doc)


def primary_id(doc: str = "UUIDv7; begins with the time it was made") -> Column[Any]:
    """The primary key `id`."""
    return Column("id", Uuid, primary_key=True, comment=doc)


def user(doc: str = "the user it belongs to") -> Column[Any]:
    """The user whose row it is: the one that row-level security goes by."""
    return Column("user_id", Uuid, ForeignKey("users.id"), nullable=False, comment=doc)


def user_key(doc: str) -> Column[Any]:
    """The user as the primary key, where each has one row."""
    return Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True, comment=doc)


def uuid(name: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    """An id of another row; `refers` makes it a foreign key."""
    return Column(name, Uuid, nullable=nullable, comment=doc)


def refers(column: str, table: str) -> ForeignKeyConstraint:
    """A foreign key to a row of the same user.

    Foreign-key checks do not heed row-level security: only a key that carries the user keeps one
    user's rows from naming another's.
    """
    return ForeignKeyConstraint(["user_id", column], [f"{table}.user_id", f"{table}.id"])


def referable() -> UniqueConstraint:
    """What `refers` refers to; its index leads with the user."""
    return UniqueConstraint("user_id", "id")


def moment(name: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    """A point in time."""
    return Column(name, DateTime(timezone=True), nullable=nullable, comment=doc)


def stamp(name: str, doc: str) -> Column[Any]:
    """A time that the database notes by its own clock: nothing that a fund decides by."""
    return Column(
        name, DateTime(timezone=True), nullable=False, server_default=func.now(), comment=doc
    )


def stamps() -> tuple[Column[Any], Column[Any]]:
    """When a row was made and last changed, by the clock of the database."""
    return (
        stamp("created_at", "when the row was made, by the clock of the database"),
        stamp("updated_at", "when the row last changed, by the clock of the database"),
    )


def number(name: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    """An exact number."""
    return Column(name, Numeric, nullable=nullable, comment=doc)


def real(name: str, doc: str) -> Column[Any]:
    """A float64: an indicator or a score, never money."""
    return Column(name, Double, nullable=False, comment=doc)


def text(name: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    """Text of any length."""
    return Column(name, Text, nullable=nullable, comment=doc)


def texts(name: str, doc: str) -> Column[Any]:
    """A list of texts."""
    return Column(name, ARRAY(Text), nullable=False, comment=doc)


def flag(name: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    """True or false."""
    return Column(name, Boolean, nullable=nullable, comment=doc)


def count(name: str, doc: str) -> Column[Any]:
    """A whole number."""
    return Column(name, Integer, nullable=False, comment=doc)


def document(name: str, doc: str, *, nullable: bool = False) -> Column[Any]:
    """A JSON document, read into a typed record at the edge."""
    return Column(name, JSONB, nullable=nullable, comment=doc)


def sealed(name: str, doc: str) -> Column[Any]:
    """Ciphertext, or nothing."""
    return Column(name, LargeBinary, comment=doc)


def digest(name: str, doc: str) -> Column[Any]:
    """The 32 bytes of a SHA-256."""
    return Column(name, LargeBinary, nullable=False, comment=doc)


def require_finite(table: Table) -> None:
    """Add the check that no exact number is NaN or infinite, which would pass as above 0."""
    names = [
        column.name
        for column in table.columns
        if isinstance(column.type, Numeric) and not isinstance(column.type, Double)
    ]
    if names:
        never = ", ".join(f"'{value}'" for value in ("NaN", "Infinity", "-Infinity"))
        checks = " and ".join(f"{name} not in ({never})" for name in names)
        table.append_constraint(CheckConstraint(checks, "finite"))


def positive(*names: str) -> list[CheckConstraint]:
    """Checks that numbers are above 0; an absent one passes."""
    return [CheckConstraint(f"{name} > 0", name) for name in names]


def not_negative(*names: str) -> list[CheckConstraint]:
    """Checks that numbers are 0 or above; an absent one passes."""
    return [CheckConstraint(f"{name} >= 0", name) for name in names]


def share(*names: str) -> list[CheckConstraint]:
    """Checks that numbers lie in 0 to 1."""
    return [CheckConstraint(f"{name} between 0 and 1", name) for name in names]


def leverage(name: str) -> CheckConstraint:
    """The specified bounds of leverage."""
    return CheckConstraint(f"{name} between 1 and {LEVERAGE_MAX}", name)
