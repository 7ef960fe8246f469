"""Sends the notices that are due, each until it is taken in or given up."""

import asyncio
import time
from collections.abc import Callable

import structlog

from executor.backoff import backoff_seconds
from executor.fault_points import reach
from executor.notices.failure import NotTaken
from executor.notices.mail import mail_notice
from executor.notices.webhook import post_notice
from executor.notices.writing import NoticeWriter
from shared.documents.mapping import Retry
from shared.documents.notice import Notice
from shared.notice_signing import sign, webhook_secrets
from shared.settings import Settings
from shared.store.notices import NoticeStore

AT_ONCE = 4
LEASE_SECONDS = 90.0  # more than an attempt takes, however a receiver dawdles
# Backoff from 5 s, doubled up to an hour: given up after half a day.
RETRY = Retry(max_attempts=22, backoff_seconds=5)
MAILTO = "mailto:"

log = structlog.get_logger(__name__)


class NoticeSender:
    """`on_ended` is told how an attempt ended: "sent", "failed", or "given_up" when there is no other."""

    def __init__(
        self,
        writer: NoticeWriter,
        notices: NoticeStore,
        settings: Settings,
        on_ended: Callable[[str], None],
        retry: Retry = RETRY,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._writer = writer
        self._notices = notices
        self._settings = settings
        self._on_ended = on_ended
        self._retry = retry
        self._lease_seconds = lease_seconds

    async def send_due(self) -> None:
        """Write the notices that runs need and send what is due."""
        if await self._writer.write():
            reach("notices_written")
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._send_all())

    async def _send_all(self) -> None:
        while (notice := await self._notices.take_due(self._lease_seconds)) is not None:
            reach("notice_taken")
            await self._attempt(notice)

    async def _attempt(self, notice: Notice) -> None:
        failure = await asyncio.to_thread(self._try, notice)
        if failure is not None:
            last = notice.attempts >= self._retry.max_attempts
            delay = None if last else backoff_seconds(self._retry, notice.attempts)
            log.warning(
                "notice_not_sent",
                run_id=str(notice.run_id),
                kind=notice.kind,
                error=failure,
                given_up=last,
            )
            await self._notices.record_failure(notice, failure, delay)
            self._on_ended("given_up" if last else "failed")
        else:
            await self._notices.record_sent(notice)
            self._on_ended("sent")

    def _try(self, notice: Notice) -> str | None:
        """Return why a notice was not taken in, None when it was."""
        try:
            self._send(notice)
        except NotTaken as failure:
            return failure.code
        except Exception as error:  # one that cannot be sent must not keep the others from it
            log.error("notice_crashed", run_id=str(notice.run_id), error=type(error).__name__)  # noqa: TRY400 - no values
            return "internal_error"
        return None

    def _send(self, notice: Notice) -> None:
        settings, notice_id = self._settings, str(notice.id)
        if notice.target.startswith(MAILTO):
            recipient = notice.target.removeprefix(MAILTO)
            mail_notice(settings.smtp_url, settings.smtp_from, recipient, notice_id, notice.body)
            return
        body, timestamp = notice.body.encode(), int(time.time())
        secrets = webhook_secrets(settings.encryption_key, notice.tenant_id)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "etl-engine",
            "webhook-id": notice_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(secrets, notice_id, timestamp, body),
        }
        post_notice(notice.target, body, headers, settings.allowed_private_networks)
