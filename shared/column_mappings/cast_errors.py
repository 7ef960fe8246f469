"""Why a cell is rejected: one stable code each, with the legal form. Never the value."""

from shared.errors import CastFailed

# A message may name a limit of the target in braces; `fail` fills it in.
LEGAL_FORMS: dict[str, str] = {
    "not_an_integer": "not a whole number: an optional minus and digits are legal",
    "not_a_number": "not a number: an optional minus, digits, and a point with digits are legal",
    "not_a_float": "not a number: like -1.5, 2e-3, NaN or Infinity",
    "not_a_boolean": "not a boolean: true/false, t/f, yes/no, y/n, on/off, 1/0 are legal",
    "not_a_date": "not a date that exists: YYYY-MM-DD is legal",
    "not_a_timestamp": "not an instant that exists: YYYY-MM-DD HH:MM:SS[.ffffff] is legal, with T or a zone too",
    "not_a_time": "not a time of day: HH:MM:SS[.ffffff] up to 23:59:59.999999 is legal",
    "not_a_uuid": "not a UUID: 32 hexadecimal digits as 8-4-4-4-12 are legal",
    "not_binary": "not bytes: \\x and two hexadecimal digits a byte are legal",
    "not_json": "not JSON (RFC 8259)",
    "not_utf8": "not UTF-8",
    "duplicate_json_key": "a JSON object has one key twice",
    "json_too_deep": "JSON is nested too deeply",
    "has_time_of_day": "an instant that is not midnight is no date; cast lossy cuts it",
    "too_many_fraction_digits": "more than six digits of a second; cast lossy rounds them",
    "ambiguous_local_time": "this local time stands twice in {zone}: clocks are set back",
    "skipped_local_time": "this local time does not exist in {zone}: clocks are set forward",
    "out_of_range": "out of range: {range} is legal",
    "not_representable": "the target cannot hold this value exactly: {limit}",
    "too_long": "longer than {limit}",
    "holds_nul": "the target's text cannot hold the NUL character",
    "bytes_have_no_text": "bytes have no text: only a binary field takes them",
    "cannot_be_cast": "a value of kind {kind} cannot become {data_type}",
    "null_in_required": "NULL in a required field",
    "null_in_key": "NULL in a key",
    "too_many_parts": "more than {limit} parts between delimiters",
    "missing_part": "fewer parts between delimiters than target fields",
    "text_too_long_for_regex": "longer than the {limit} characters that this regular expression may cut",
}


def failure(code: str, *, field: str | None = None, **limits: object) -> CastFailed:
    """Return the error of one cell, with its limits filled in; `field` where it is not the cast's own field."""
    return CastFailed(LEGAL_FORMS[code].format(**limits), code=code, column=field)
