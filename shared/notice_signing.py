"""Signatures of webhooks, in the form of Standard Webhooks: whoever has the secret can tell that a notice is ours.

The secret of a tenant is derived from the installation's encryption key, so that there is none to keep, and none in
MongoDB. While several keys are in use a notice carries a signature by each, so that receivers may take their time.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from shared.secret import Secret

_PURPOSE = b"etl-engine webhook notices\0"
_PREFIX = "whsec_"


def webhook_secrets(keys: Sequence[Secret], tenant_id: str) -> tuple[Secret, ...]:
    """Return a tenant's secrets, one for each encryption key, as receivers are given them."""
    return tuple(Secret(_PREFIX + base64.b64encode(_derive(key, tenant_id)).decode()) for key in keys)


def sign(secrets: Sequence[Secret], notice_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature header: HMAC-SHA256 over id, timestamp and body, once by each secret."""
    signed = f"{notice_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_hmac(secret, signed)}" for secret in secrets)


def _derive(key: Secret, tenant_id: str) -> bytes:
    raw = base64.urlsafe_b64decode(key.reveal())
    return hmac.digest(raw, _PURPOSE + tenant_id.encode(), hashlib.sha256)


def _hmac(secret: Secret, signed: bytes) -> str:
    raw = base64.b64decode(secret.reveal().removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(raw, signed, hashlib.sha256)).decode()
