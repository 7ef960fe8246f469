"""Which cron expressions are accepted, and what is said of the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cron_grammar import MACROS, MAX_EXPRESSION_CHARACTERS, parse_cron
from shared.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("* * * * *", "* * * * *"),
        ("  */5\t0-6,22  * jan-Mar SUN,3,7 ", "*/5 0-6,22 * 1-3 0,3,7"),
        ("30 0 12 1 1 *", "30 0 12 1 1 *"),
        ("05 07 1-31/2 12 mon-fri", "5 7 1-31/2 12 1-5"),
        ("5/15 * * * 1/2", "5-59/15 * * * 1-6/2"),
        ("0 0 * * 7", "0 0 * * 7"),
        ("5-5/3 23/2 * * 7/2", "5 23 * * 7"),
        ("@Hourly", "0 * * * *"),
    ],
)
def test_normal_form(written: str, normal: str) -> None:
    assert parse_cron(written).text == normal


@pytest.mark.parametrize("macro", MACROS)
def test_macros(macro: str) -> None:
    assert parse_cron(macro).text == MACROS[macro]


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of month"),
        ("* * 32 * *", "day of month"),
        ("* * * 13 *", "month"),
        ("* * * 0 *", "month"),
        ("* * * * 8", "day of week"),
        ("60 * * * * *", "second"),
        ("*/90 * * * *", "steps 1 to 59"),
        ("*/60 * * * *", "steps 1 to 59"),
        ("* */24 * * *", "steps 1 to 23"),
        ("*/0 * * * *", "steps 1 to 59"),
        ("5-1 * * * *", "from low to high"),
        ("* * * * FRI-MON", "from low to high"),
        ("* * * * SAT-SUN", "from low to high"),
        ("* * L * *", "day of month"),
        ("* * LW * *", "day of month"),
        ("* * 15W * *", "day of month"),
        ("* * * * 5L", "day of week"),
        ("* * * * 1#2", "day of week"),
        ("* * ? * *", "day of month"),
        ("* * * * MONDAY", "day of week"),
        ("* * * MON *", "month"),
        ("MON * * * *", "minute"),
        ("-1 * * * *", "minute"),
        ("1- * * * *", "minute"),
        ("1,,2 * * * *", "minute"),
        (", * * * *", "minute"),
        ("*-5 * * * *", "minute"),
        ("**/5 * * * *", "minute"),
        ("1/2/3 * * * *", "minute"),
        ("+1 * * * *", "minute"),
        ("1.5 * * * *", "minute"),
        ("٣ * * * *", "minute"),
        ("१ * * * *", "minute"),
        ("² * * * *", "minute"),
        ("* * * ſep *", "month"),
        ("* * * * mıo", "day of week"),
        ("99999999999999999999 * * * *", "minute"),
        ("*/99999999999999999999 * * * *", "steps 1 to 59"),
        ("", "has 0"),
        ("* * * *", "has 4"),
        ("* * * * * * *", "has 7"),
        ("*\u00a0*\u00a0*\u00a0*\u00a0*", "has 1"),
        ("0\n0 * * * *", "minute"),
        ("@reboot", "@hourly"),
        ("@every 5m", "@hourly"),
        ("1," * MAX_EXPRESSION_CHARACTERS + "1 * * * *", "longer"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 2,4,6,9,11 *", "never fires"),
        ("0 0 30-31 2 */2", "never fires"),
        ("0 0 0 31 4 *", "never fires"),
    ],
)
def test_refused_naming_the_place_and_the_legal_values(expression: str, named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_cron(expression)
    assert caught.value.code == "invalid_cron"
    assert caught.value.loc == ("cron_expression",)
    assert named in caught.value.message


@pytest.mark.parametrize("expression", ["0 0 30 2 1", "0 0 29 2 *", "0 0 31 1,2 *", "0 0 30 2,3 */7"])
def test_rare_expressions_fire(expression: str) -> None:
    assert parse_cron(expression).text == expression


@given(st.text(alphabet="0123456789*/,-#LW?@ \tMONJAN", max_size=30))
def test_any_text_is_accepted_or_refused_with_the_code(text: str) -> None:
    try:
        fields = len(parse_cron(text).text.split(" "))
    except ConfigError as error:
        outcome: object = error.code
    else:
        outcome = fields
    assert outcome in ("invalid_cron", 5, 6)
