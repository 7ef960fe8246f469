"""Rotating encryption keys: everything readable throughout, restartable, and what no key opens stays."""

import asyncio

import httpx2
from cryptography.fernet import Fernet
from fastapi import FastAPI
from pymongo.asynchronous.database import AsyncDatabase

from config_api.main import create_app
from shared.encryption import Keyring
from shared.secret import Secret
from shared.settings import Settings
from tests.integration.access.people import ApiAs, People
from tests.integration.config_api.documents import wait_until_prepared

CONNECTIONS = 60


async def wait_until_done(admin: ApiAs) -> dict[str, object]:
    async with asyncio.timeout(60):
        while True:
            state: dict[str, object] = (await admin.get("/secrets/rotation")).json()
            if state["status"] == "done":
                return state
            await asyncio.sleep(0.05)


async def test_the_drill_add_a_key_rotate_drop_the_old_one(
    settings: Settings, people: People, database: AsyncDatabase[dict[str, object]]
) -> None:
    admin = await people.act_as("admin@example.com")
    for number in range(CONNECTIONS):
        await admin.make_connection(name=f"c{number}", password=f"secret {number}")
    lost = Keyring([Secret(Fernet.generate_key().decode())]).encrypt(Secret("lost"))
    await database["connections"].update_one({"name": "c0"}, {"$set": {"password_encrypted": lost}})
    new = Secret(Fernet.generate_key().decode())
    both = settings.model_copy(update={"encryption_key": (new, *settings.encryption_key)})
    app: FastAPI = create_app(both)
    async with app.router.lifespan_context(app):
        await wait_until_prepared(app)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api") as client:
            rotating = ApiAs(client, admin.headers)
            assert (await rotating.get("/secrets/rotation")).json()["status"] == "never"
            assert (await rotating.post("/secrets/rotation")).status_code == 202
            done = await wait_until_done(rotating)
            assert (done["total"], done["rotated"], done["unreadable"]) == (
                CONNECTIONS,
                CONNECTIONS - 1,
                1,
            )
            await rotating.post("/secrets/rotation")
            assert (await wait_until_done(rotating))["rotated"] == 0
            listed = (await rotating.get("/connections/", params={"limit": 1000})).json()
            broken = [one["name"] for one in listed if one["status"] != "ok"]
            assert broken == ["c0"]
    only_new = Keyring([new])
    async for stored in database["connections"].find({"name": {"$ne": "c0"}}):
        place = str(stored["name"])[1:]
        assert only_new.decrypt(str(stored["password_encrypted"])).reveal() == f"secret {place}"
        assert stored["version"] == 1


async def test_a_password_that_is_changed_meanwhile_stays(
    people: People, settings: Settings, database: AsyncDatabase[dict[str, object]]
) -> None:
    admin = await people.act_as("admin@example.com")
    made = await admin.make_connection()
    secrets = people.services.stores.secrets
    [read] = [secret async for secret in secrets.read_all()]
    await admin.put(f"/connections/{made['id']}", {"password": "newer"})
    assert not await secrets.replace(read, "older")
    stored = await database["connections"].find_one()
    assert stored is not None
    token = str(stored["password_encrypted"])
    assert Keyring(settings.encryption_key).decrypt(token).reveal() == "newer"
