import pytest

from config_api.route_table import RouteTable, canonical

TABLE = RouteTable(
    {
        "/": frozenset({"GET"}),
        "/health": frozenset({"GET"}),
        "/v1/things/": frozenset({"GET", "POST"}),
        "/v1/things/{thing_id}": frozenset({"GET"}),
        "/v1/things/{thing_id}/parts/{part_id}": frozenset({"DELETE"}),
        "/v1/things/test": frozenset({"POST"}),
    }
)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/", "/"),
        ("/health/", "/health"),
        ("/v1/things", "/v1/things/"),
        ("/v1/things/", "/v1/things/"),
        ("/v1/things/7/", "/v1/things/7"),
        ("/v1/things//", "/v1/things//"),
        ("/nothing/", "/nothing/"),
    ],
)
def test_a_path_gets_the_form_of_its_route(path: str, form: str) -> None:
    assert canonical(path, TABLE.find(path)) == form


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1/things/7", "/v1/things/{thing_id}"),
        ("/v1/things/test", "/v1/things/test"),
        ("/v1/things/7/parts/8/", "/v1/things/{thing_id}/parts/{part_id}"),
        ("/v1/things/7/parts", None),
        ("/v1/thingsX", None),
    ],
)
def test_a_path_finds_its_template(path: str, template: str | None) -> None:
    found = TABLE.find(path)
    assert (found and found.template) == template
