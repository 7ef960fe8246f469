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
        "/v1/mappings/{mapping_id}/column-mappings/{column_mapping_id}": frozenset({"DELETE"}),
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


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("/v1/mappings/" + "a" * 24 + "/column-mappings/" + "b" * 24, {"mapping_id": "a" * 24}),
        ("/v1/mappings/not-an-id/column-mappings/" + "b" * 24, {}),
        ("/v1/things/" + "a" * 24, {}),
        ("/nothing/" + "a" * 24, {}),
    ],
)
def test_log_lines_get_the_ids_of_mappings_and_runs(path: str, ids: dict[str, str]) -> None:
    assert TABLE.ids_of({"path": path}) == ids
