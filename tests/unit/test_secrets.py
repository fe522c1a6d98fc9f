"""A secret shows itself to nobody who does not ask by name."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from dataclasses import asdict, replace

import pytest

import builders
from hedgerow.domain.accounts import Credentials
from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.secrets import Secret
from hedgerow.usecases.codec import encode

CANARY = "canary-4f9a"


def test_comes_out_where_it_is_asked_for_by_name() -> None:
    assert Secret(CANARY).reveal() == CANARY


def test_hides_in_every_way_of_showing_things(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(CANARY)
    credentials = Credentials(secret, secret, secret)
    logging.getLogger("hedgerow").warning("%s %r %s", secret, secret, credentials)
    shown = [
        str(secret),
        repr(secret),
        f"{secret} {secret!r} {secret:>40}",
        "{}".format(secret),  # noqa: UP032
        repr([secret]),
        repr(credentials),
        repr(asdict(credentials)),
        caplog.text,
    ]
    assert CANARY not in " ".join(shown)
    assert "***" in str(secret)


def test_has_no_attributes_to_list() -> None:
    with pytest.raises(TypeError):
        vars(Secret(CANARY))


@pytest.mark.parametrize("write", [pickle.dumps, json.dumps, encode, lambda s: s.__getstate__()])
def test_is_written_to_nothing(write: object) -> None:
    assert callable(write)
    with pytest.raises(TypeError) as caught:
        write(Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_copies_are_the_secret_itself() -> None:
    secret = Secret(CANARY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret
    assert replace(Credentials(secret, secret)).secret is secret


def test_compares_by_text_and_is_no_key_of_a_dict() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret("other")
    assert Secret(CANARY) != CANARY
    with pytest.raises(TypeError):
        hash(Secret(CANARY))


@pytest.mark.parametrize("text", ["", f"{CANARY}\ud800"])
def test_text_that_cannot_be_sealed_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Secret(text)
    assert CANARY not in f"{caught.value} {caught.value!r}"


def test_ciphertexts_stay_out_of_an_accounts_repr() -> None:
    account = builders.account(api_key_encrypted=b"sealed-1", passphrase=b"sealed-2")
    assert "sealed" not in repr(account)
