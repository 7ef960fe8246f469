"""The stored shape of column mappings: what is taken, what is refused, and in which words."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.column_mappings import COLUMN_MAPPING_TYPES, ColumnMappingSpec, Direct, Join, Split
from shared.column_mappings.split_regex import check_regex

SPEC: TypeAdapter[Direct | Split | Join] = TypeAdapter(ColumnMappingSpec)


def spec(type_: str, sources: Any, targets: Any, **config: Any) -> dict[str, Any]:
    return {"type": type_, "source_columns": sources, "target_fields": targets, "config": config}


def test_the_union_and_the_registry_name_the_same_types() -> None:
    mapping = SPEC.json_schema()["discriminator"]["mapping"]
    assert {name: reference.rsplit("/")[-1] for name, reference in mapping.items()} == {
        name: model.__name__ for name, model in COLUMN_MAPPING_TYPES.items()
    }
    assert [
        name for name, model in COLUMN_MAPPING_TYPES.items() if model.model_fields["type"].default != name
    ] == []


def test_defaults_come_first() -> None:
    assert SPEC.validate_python(
        {"type": "direct", "source_columns": ["a"], "target_fields": ["b"]}
    ).model_dump() == {
        "type": "direct",
        "source_columns": ("a",),
        "target_fields": ("b",),
        "config": {"cast": "strict", "default": None},
    }
    assert SPEC.validate_python(spec("split", ["a"], ["b", "c"], delimiter="|")).config.model_dump() == {
        "delimiter": "|",
        "on_extra": "keep_in_last",
        "on_missing": "null",
        "trim": False,
        "regex": False,
    }
    assert SPEC.validate_python(spec("join", ["a", "b"], ["c"], separator="")).config.model_dump() == {
        "separator": "",
        "on_null": "skip",
    }


def test_a_stored_spec_reads_back() -> None:
    for value in (
        spec("direct", ["a"], ["b"], cast="lossy", default="x"),
        spec("split", ["a"], ["b", "c"], delimiter="\t", on_extra="drop", on_missing="error", trim=True),
        spec("join", ["a", "b"], ["c"], separator="🙂", on_null="null"),
    ):
        read = SPEC.validate_python(value)
        assert SPEC.validate_python(read.model_dump()) == read
        assert SPEC.validate_json(SPEC.dump_json(read)) == read


@pytest.mark.parametrize("default", ["", "x", 5, True, False, 2**70])
def test_a_default_keeps_its_type(default: Any) -> None:
    read = SPEC.validate_python(spec("direct", ["a"], ["b"], default=default))
    assert isinstance(read, Direct)
    assert read.config.default == default
    assert type(read.config.default) is type(default)


@pytest.mark.parametrize(
    ("value", "place", "words"),
    [
        (spec("direct", ["a", "b"], ["c"]), "source_columns", "at most 1 item"),
        (spec("direct", [], ["c"]), "source_columns", "at least 1 item"),
        (spec("direct", ["a"], ["b", "c"]), "target_fields", "at most 1 item"),
        (spec("direct", ["a"], ["b"], cast="loose"), "cast", "'strict' or 'lossy'"),
        (spec("direct", ["a"], ["b"], delimiter="|"), "delimiter", "Extra inputs"),
        (spec("direct", ["a"], ["b"], default=1.5), "default", "valid"),
        (spec("direct", [""], ["b"]), "source_columns", "at least 1 character"),
        (spec("direct", ["a\0"], ["b"]), "source_columns", "NUL"),
        (
            spec("direct", ["a\ud800"], ["b"]),
            "source_columns",
            "valid string, unable to parse raw data as a unicode",
        ),
        (spec("direct", ["a"], ["b" * 64]), "target_fields", "at most 63"),
        (spec("split", ["a"], ["b"], delimiter="|"), "target_fields", "at least 2 items"),
        (spec("split", ["a", "b"], ["b", "c"], delimiter="|"), "source_columns", "at most 1 item"),
        (spec("split", ["a"], ["b", "b"], delimiter="|"), "target_fields", "names 'b' twice"),
        (spec("split", ["a"], ["b", "c"]), "delimiter", "required"),
        (spec("split", ["a"], ["b", "c"], delimiter=""), "delimiter", "at least 1 character"),
        (spec("split", ["a"], ["b", "c"], delimiter="x" * 101), "delimiter", "at most 100"),
        (spec("split", ["a"], ["b", "c"], delimiter="|", on_extra="x"), "on_extra", "'keep_in_last'"),
        (spec("split", ["a"], ["b", "c"], delimiter="|", on_missing="x"), "on_missing", "'null' or 'error'"),
        (spec("split", ["a"], ["b", "c"], delimiter="(", regex=True), "config", "not a regular expression"),
        (spec("split", ["a"], ["b", "c"], delimiter="a*", regex=True), "config", "empty text"),
        (spec("join", ["a"], ["c"], separator="-"), "source_columns", "at least 2 items"),
        (spec("join", ["a", "a"], ["c"], separator="-"), "source_columns", "names 'a' twice"),
        (spec("join", ["a", "b"], ["c", "d"], separator="-"), "target_fields", "at most 1 item"),
        (spec("join", ["a", "b"], ["c"]), "separator", "required"),
        (spec("join", ["a", "b"], ["c"], separator="-", on_null="x"), "on_null", "'skip'"),
        (spec("merge", ["a"], ["b"]), "", "'direct', 'split', 'join'"),
    ],
)
def test_what_is_refused(value: dict[str, Any], place: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SPEC.validate_python(value)
    assert any(place in map(str, error["loc"]) or not place for error in caught.value.errors())
    assert words in str(caught.value)


def test_a_delimiter_that_is_no_regex_may_look_like_a_broken_one() -> None:
    read = SPEC.validate_python(spec("split", ["a"], ["b", "c"], delimiter="(a+)+"))
    assert isinstance(read, Split)


def test_specs_are_frozen() -> None:
    read = SPEC.validate_python(spec("join", ["a", "b"], ["c"], separator="-"))
    with pytest.raises(ValidationError, match="frozen"):
        read.target_fields = ("d",)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("pattern", "max_characters"),
    [
        ("a|b", 1_000_000),
        (r"\s+", 1_000_000),
        (",[ ]*", 1_000_000),
        (r"(?:,|;)\s*", 1_000_000),
        ("a{3}", 1_000_000),
        (r"\s*[,;]\s*", 10_000),
        (r"(\s*),", 10_000),
        (r"\s*,\s*;", 500),
        ("x?" * 6 + "a", 1_000_000),
        # The last arm, group or optional item of all has nothing behind it either.
        ("(?:x|a+)", 1_000_000),
        ("(a+)", 1_000_000),
        ("a(?:b+)?", 1_000_000),
        # Of several arms the one with most repetitions counts.
        ("(?:a*b*c|x)y", 500),
        ("(?:x|a+)y", 10_000),
    ],
)
def test_regexes_that_may_cut(pattern: str, max_characters: int) -> None:
    assert check_regex(pattern).max_characters == max_characters


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(a+)+", "not a group"),
        ("(a|a)*b", "not a group"),
        ("(?:ab){2,}", "not a group"),
        (r"(.)\1", "refer back"),
        ("(?=a)b", "look around"),
        ("(?<!a)b", "look around"),
        ("(?>a)b", "atomic"),
        ("a*", "empty text"),
        ("^", "empty text"),
        (r"\b", "empty text"),
        ("a|", "empty text"),
        ("x?" * 7 + "a", "64 ways"),
        ("a*b*c*d", "two repetitions"),
        ("(?:a+b+c|x)d+e", "two repetitions"),
        ("[", "not a regular expression"),
        ("a{99999999999}", "not a regular expression"),
    ],
)
def test_regexes_that_are_refused(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_regex(pattern)
