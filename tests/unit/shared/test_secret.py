"""A secret shows nowhere unless it is asked."""

import copy
import json
import pickle

import pytest
from pydantic import BaseModel

from shared.secret import Secret


class Holder(BaseModel):
    password: Secret


def test_it_prints_as_stars_in_every_form() -> None:
    secret = Secret("hidden")
    texts = [str(secret), repr(secret), f"{secret}", f"{secret:>20}", "%s" % secret, str([secret])]  # noqa: UP031
    assert all("***" in text for text in texts)
    assert not any("hidden" in text for text in texts)
    assert secret.reveal() == "hidden"


def test_equality_is_of_the_texts_and_never_with_plain_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("\ud800ä") == Secret("\ud800ä")
    assert {Secret("a"), Secret("a")} == {Secret("a")}
    assert not Secret("")


def test_it_travels_to_worker_processes() -> None:
    secret = Secret("hidden")
    assert pickle.loads(pickle.dumps(secret)) == copy.deepcopy(secret) == secret


def test_models_take_text_and_dump_stars() -> None:
    holder = Holder.model_validate({"password": "hidden"})
    assert holder.password == Secret("hidden")
    assert Holder.model_validate_json('{"password": "hidden"}') == holder
    assert Holder(password=Secret("hidden")) == holder
    assert json.loads(holder.model_dump_json()) == {"password": "***"}
    assert "hidden" not in f"{holder} {holder!r} {holder.model_dump()}"
    assert Holder.model_json_schema()["properties"]["password"]["writeOnly"] is True


def test_a_model_refuses_what_is_no_text() -> None:
    with pytest.raises(ValueError, match="password"):
        Holder.model_validate({"password": 5})
