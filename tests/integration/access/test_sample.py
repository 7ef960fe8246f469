"""The sample data: each tenant has its own, readers make none, and the audit knows who did."""

from pathlib import Path

from shared.documents.user import Role
from tests.integration.access.people import People
from tests.integration.config_api.documents import problem_of


async def test_each_tenant_has_its_own(people: People, sqlite_root: Path) -> None:
    here = await people.act_as("here@example.com", Role.TENANT_USER)
    tenant_id = await people.make_tenant("elsewhere")
    there = await people.act_as("there@example.com", Role.TENANT_USER, tenant_id)
    mine, theirs = [await one.post("/connections/sample") for one in (here, there)]
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert (await here.get(f"/connections/{theirs.json()['id']}")).status_code == 404
    assert (sqlite_root / tenant_id / "sample-shop.sqlite").exists()


async def test_only_who_may_write_makes_it_and_the_audit_says_who(people: People) -> None:
    reader = await people.act_as("reader@example.com", Role.TENANT_USER, read_only=True)
    problem_of(await reader.post("/connections/sample"), 403)
    admin = await people.act_as("admin@example.com")
    made = (await admin.post("/connections/sample")).json()
    entries = (await admin.get("/audit/", params={"action": "connection.create_sample"})).json()
    assert [(one["actor"], one["status"], one["target"]) for one in entries] == [
        ("admin@example.com", 201, f"connections/{made['id']}"),
        ("reader@example.com", 403, None),
    ]
    assert entries[0]["after"]["database"] == "sample-shop.sqlite"
