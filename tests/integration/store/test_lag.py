"""How far behind an installation is, by the server's clock."""

from datetime import UTC, datetime, timedelta

from shared.store.client import StoreClient
from shared.store.stores import Stores


async def test_the_most_overdue_tick_of_an_enabled_schedule_is_the_lag(
    stores: Stores, client: StoreClient
) -> None:
    assert await stores.ticks.oldest_due_seconds() is None
    now = datetime.now(UTC)
    dues = ((True, -60), (True, -90), (False, -900), (True, 3600), (True, None))
    await client.collection("schedules").insert_many(
        [
            {
                "tenant_id": "default",
                "name": f"s{number}",
                "enabled": enabled,
                "next_due_at": None if seconds is None else now + timedelta(seconds=seconds),
            }
            for number, (enabled, seconds) in enumerate(dues)
        ]
    )
    lag = await stores.ticks.oldest_due_seconds()
    assert lag is not None
    assert 89 < lag < 120
