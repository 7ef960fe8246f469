import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config_api.strict_json import MAX_DEPTH, UnusableJson, check_json

SOUND = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=20,
)


@given(SOUND)
def test_what_can_be_stored_passes(value: object) -> None:
    check_json(json.dumps(value).encode())


@given(st.binary())
def test_no_bytes_make_it_fail_otherwise(body: bytes) -> None:
    try:
        check_json(body)
    except UnusableJson:
        return
    json.loads(body)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "json_invalid"),
        (b"[NaN]", "json_invalid"),
        (b"[-Infinity]", "json_invalid"),
        (b"\xff", "json_encoding"),
        (b"[1e400]", "number_out_of_range"),
        (b"[9223372036854775808]", "number_out_of_range"),
        (b"[" + b"1" * 5000 + b"]", "number_out_of_range"),
        (b'["\\u0000"]', "nul_character"),
        (b'{"\\u0000": 1}', "nul_character"),
        (b'["\\udc00"]', "lone_surrogate"),
        (b'{"a": 1, "a": 2}', "duplicate_name"),
        (b"[" * 200_000, "json_too_deep"),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "json_too_deep"),
    ],
)
def test_what_nothing_could_hold_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(UnusableJson) as caught:
        check_json(body)
    assert caught.value.kind == kind


def test_the_place_of_a_fault_is_named() -> None:
    with pytest.raises(UnusableJson) as caught:
        check_json(b'{"a": [1, {"b": "x\\u0000"}]}')
    assert caught.value.path == ("a", 1, "b")


def test_a_paired_surrogate_is_a_character() -> None:
    check_json(b'["\\ud83d\\ude00"]')
