"""The indexes of users, logins, api_keys, tenants, audit and idempotency_keys."""

from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.store.idempotency_keys import KEPT_SECONDS

_OLDEST = IndexModel([("tenant_id", ASCENDING), ("created_at", ASCENDING), ("_id", ASCENDING)], name="oldest")

ACCESS_INDEXES: dict[str, tuple[IndexModel, ...]] = {
    "users": (
        IndexModel([("email", ASCENDING)], name="one_email", unique=True),
        _OLDEST,
    ),
    "logins": (
        IndexModel([("user_id", ASCENDING)], name="by_user_id"),
        IndexModel([("expires_at", ASCENDING)], name="over", expireAfterSeconds=0),
    ),
    "api_keys": (
        IndexModel([("prefix", ASCENDING)], name="one_prefix", unique=True),
        IndexModel([("user_id", ASCENDING), ("name", ASCENDING)], name="one_name", unique=True),
        _OLDEST,
    ),
    "tenants": (
        IndexModel([("tenant_id", ASCENDING), ("name", ASCENDING)], name="one_name", unique=True),
        _OLDEST,
    ),
    "audit": (
        IndexModel(
            [("tenant_id", ASCENDING), ("chain", ASCENDING), ("sequence", ASCENDING)],
            name="one_sequence",
            unique=True,
        ),
        IndexModel([("tenant_id", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="newest"),
    ),
    "idempotency_keys": (
        IndexModel([("started_at", ASCENDING)], name="over", expireAfterSeconds=KEPT_SECONDS),
    ),
}
