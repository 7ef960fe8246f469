"""What the stores promise: tenants apart, names once, versions that count, nothing half done."""

import asyncio
from typing import Any

import pytest
from bson import ObjectId

from shared.documents.base import FORMAT
from shared.documents.connection import Connection, DatabaseType
from shared.errors import Conflict, NewerFormat, NotFound
from shared.store.client import Session, StoreClient
from shared.store.documents import Page
from shared.store.errors import VersionMismatch
from shared.store.stores import Stores
from shared.store.witness import witnessed
from tests.factories import NOW, field, mapping, mapping_version, schema

OTHER = "another tenant"


def connection(**more: Any) -> Connection:
    values: dict[str, Any] = {"name": "c", "db_type": DatabaseType.SQLITE, "database": "c.sqlite", **more}
    return Connection(created_at=NOW, updated_at=NOW, **values)


async def test_a_document_comes_back_as_it_was_stored(stores: Stores) -> None:
    for store, document in (
        (stores.connections, connection()),
        (stores.schemas, schema([field("a", "decimal", precision=5, scale=2)])),
        (stores.mappings, mapping()),
    ):
        inserted: Any = await store.insert(document)  # type: ignore[arg-type]  # each with its own kind
        assert await store.get("default", inserted.id) == document


async def test_a_mapping_version_comes_back_as_it_was_stored(stores: Stores) -> None:
    version = mapping_version("SELECT 1 AS a", [field("a", "integer")])

    async def body(session: Session) -> None:
        await stores.mapping_versions.insert(version, session)

    await stores.client.transaction(body)
    assert await stores.mapping_versions.get("default", version.mapping_id, 1) == version
    with pytest.raises(NotFound):
        await stores.mapping_versions.get(OTHER, version.mapping_id, 1)
    with pytest.raises(NotFound):
        await stores.mapping_versions.get("default", version.mapping_id, 2)


async def test_fields_are_set_in_one_write_that_keeps_to_versions_and_tenants(stores: Stores) -> None:
    made = await stores.schemas.insert(schema([field("a", "integer")]))
    change = {"description": "new", "updated_at": NOW}
    with witnessed() as witness:
        changed = await stores.schemas.set_fields("default", made.id, change, {1, 7})
    assert (changed.description, changed.version, changed.columns) == ("new", 2, made.columns)
    assert changed == await stores.schemas.get("default", made.id)
    before, after = witness.before("schemas", made.id), witness.after("schemas", made.id)
    assert before is not None
    assert after is not None
    assert (before["description"], before["version"]) == (made.description, 1)
    assert (after["description"], after["version"]) == ("new", 2)
    with pytest.raises(VersionMismatch):
        await stores.schemas.set_fields("default", made.id, change, {1, 7})
    with pytest.raises(NotFound):
        await stores.schemas.set_fields(OTHER, made.id, change)
    assert (await stores.schemas.set_fields("default", made.id, change)).version == 3


async def test_what_a_newer_version_has_written_is_left_alone(stores: Stores, client: StoreClient) -> None:
    made = await stores.schemas.insert(schema([field("a", "integer")]))
    await client.collection("schemas").update_one({"_id": made.id}, {"$set": {"format": FORMAT + 1}})
    with pytest.raises(NewerFormat):
        await stores.schemas.set_fields("default", made.id, {"description": "x"})
    stored = await client.collection("schemas").find_one({"_id": made.id})
    assert stored is not None
    assert stored["version"] == 1


async def test_the_witness_of_a_repeated_transaction_saw_the_last_one(stores: Stores) -> None:
    made = await stores.schemas.insert(schema([field("a", "integer")]))
    tries = 0

    async def body(session: Session) -> None:
        nonlocal tries
        tries += 1
        current = await stores.schemas.get("default", made.id, session)
        if tries == 1:  # somebody is quicker, so that this transaction begins again
            await stores.schemas.set_fields("default", made.id, {"description": "quicker"})
        changed = current.model_copy(update={"description": "mine"})
        await stores.schemas.update(
            changed, ("description",), expected_version=current.version, session=session
        )

    with witnessed() as witness:
        await stores.client.transaction(body)
    before, after = witness.before("schemas", made.id), witness.after("schemas", made.id)
    assert tries == 2
    assert (before or {})["description"] == "quicker"
    assert (after or {})["description"] == "mine"


@pytest.mark.parametrize(
    ("limit", "offset", "shown"), [(5, 0, 3), (3, 0, 3), (2, 1, 2), (2, 2, 1), (2, 3, 0), (2, 9, 0)]
)
async def test_a_page_knows_how_many_there_are_in_all(
    stores: Stores, limit: int, offset: int, shown: int
) -> None:
    for number in range(3):
        await stores.schemas.insert(schema([field("a", "integer")], name=f"s{number}"))
    listing = await stores.schemas.list_page("default", Page(limit=limit, offset=offset))
    assert (len(listing.documents), listing.total) == (shown, 3)


async def test_a_tenant_never_sees_anothers_documents(stores: Stores) -> None:
    made = await stores.connections.insert(connection())
    assert await stores.connections.find(OTHER, made.id) is None
    assert await stores.connections.find_many(OTHER, [made.id]) == {}
    assert await stores.connections.find_where(OTHER, {}) == []
    assert (await stores.connections.list_page(OTHER, Page())).total == 0
    foreign = made.model_copy(update={"tenant_id": OTHER})
    with pytest.raises(NotFound):
        await stores.connections.update(foreign, ("name",), expected_version=1)
    with pytest.raises(NotFound):
        await stores.connections.delete(OTHER, made.id)

    async def body(session: Session) -> bool:
        return await stores.connections.touch(OTHER, made.id, session)

    assert not await stores.client.transaction(body)
    assert await stores.connections.get("default", made.id) == made


async def test_two_tenants_may_use_one_name(stores: Stores) -> None:
    await stores.connections.insert(connection())
    await stores.connections.insert(connection(tenant_id=OTHER))
    with pytest.raises(Conflict, match="'c' exists already"):
        await stores.connections.insert(connection())


async def test_an_update_counts_the_version_and_wants_the_present_one(stores: Stores) -> None:
    made = await stores.connections.insert(connection())
    renamed = made.model_copy(update={"name": "new", "database": "ignored"})
    stored = await stores.connections.update(renamed, ("name",), expected_version=1)
    assert (stored.version, stored.name, stored.database) == (2, "new", "c.sqlite")
    with pytest.raises(VersionMismatch):
        await stores.connections.update(renamed, ("name",), expected_version=1)


async def test_an_update_leaves_what_others_keep_in_the_document(stores: Stores) -> None:
    made = await stores.connections.insert(connection())
    await stores.connections.record_test("default", made.id, NOW, "success")
    stored = await stores.connections.update(
        made.model_copy(update={"name": "new"}), ("name",), expected_version=1
    )
    assert (stored.last_tested_at, stored.last_test_status) == (NOW, "success")


async def test_a_transaction_that_fails_leaves_nothing(stores: Stores) -> None:
    async def body(session: Session) -> None:
        await stores.connections.insert(connection(), session)
        raise Conflict("no")

    with pytest.raises(Conflict):
        await stores.client.transaction(body)
    assert (await stores.connections.list_page("default", Page())).total == 0


async def test_whoever_refers_and_whoever_deletes_conflict(stores: Stores) -> None:
    for number in range(6):
        target = await stores.connections.insert(connection(name=f"c{number}"))
        referrer = mapping(name=f"m{number}", source_connection_id=target.id)

        async def refer(session: Session, *, made: Any = target, by: Any = referrer) -> bool:
            if not await stores.connections.touch("default", made.id, session):
                return False
            await stores.mappings.insert(by, session)
            return True

        async def delete(session: Session, *, made: Any = target) -> bool:
            await stores.connections.touch("default", made.id, session)
            if await stores.mappings.using_connection("default", made.id, session):
                return False
            await stores.connections.delete("default", made.id, session)
            return True

        referred, deleted = await asyncio.gather(
            stores.client.transaction(refer), stores.client.transaction(delete)
        )
        assert referred is not deleted


async def test_a_search_takes_its_text_literally(stores: Stores) -> None:
    for name in ("a.b", "axb", "(", "A.B+"):
        await stores.connections.insert(connection(name=name))
    for q, expected in ((".", ["A.B+", "a.b"]), ("(", ["("]), ("a.b", ["A.B+", "a.b"]), (".*", [])):
        listing = await stores.connections.list_page("default", Page(q=q, sort=("name", 1)))
        assert [document.name for document in listing.documents] == expected


async def test_a_missing_document_is_not_found(stores: Stores) -> None:
    with pytest.raises(NotFound, match="no such schema"):
        await stores.schemas.get("default", ObjectId())
