"""Notices of failed, missed and late runs, against a real web server and a real mail server."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from cryptography.fernet import Fernet

from config_api.runs.payloads import RunRead, read_run
from executor.notices.body import SHOWN, shown_run
from executor.notices.sending import NoticeSender
from executor.notices.writing import NoticeWriter
from local_servers.installation import Installation
from shared.documents.mapping import Mapping, Retry
from shared.documents.notice import Notice
from shared.documents.run import Run, RunError, RunStatus
from shared.notice_signing import webhook_secrets
from shared.secret import Secret
from shared.store.client import StoreClient
from shared.store.mappings import MappingStore
from shared.store.notices import NoticeStore
from tests.certificates import make_certificate
from tests.factories import NOW
from tests.integration.executor.receivers import (
    MailReceiver,
    WebReceiver,
    check_signature,
    mail_receiver,
    web_receiver,
)
from tests.integration.executor.test_scheduler import MINUTE, NOON, Desk
from tests.integration.executor.world import World, eventually

AT_ONCE = Retry(max_attempts=3, backoff_seconds=0)
BROKEN = RunError(code="cast_failed", message="a text is no number", row=3, column="amount")
SenderFactory: TypeAlias = Callable[..., NoticeSender]


@pytest.fixture
def world(store: StoreClient, mongodb_url: str, tmp_path: Path) -> World:
    return World(store, mongodb_url, tmp_path / "world")


@pytest.fixture
def notices(store: StoreClient) -> NoticeStore:
    return NoticeStore(store)


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    with web_receiver() as made:
        yield made


@pytest.fixture
def mail() -> Iterator[MailReceiver]:
    with mail_receiver() as made:
        yield made


@pytest.fixture
def make_sender(world: World, notices: NoticeStore) -> SenderFactory:
    """Make what an executor sends with; each keyword replaces a setting."""

    def make(lease_seconds: float = 60, **settings: Any) -> NoticeSender:
        return NoticeSender(
            NoticeWriter(world.store, world.runs, lambda: NOW),
            notices,
            world.settings.model_copy(update=settings),
            lambda _: None,
            AT_ONCE,
            lease_seconds,
        )

    return make


def with_mail(mail: MailReceiver, login: str = "") -> dict[str, Any]:
    return {"smtp_url": Secret(f"smtp://{login}127.0.0.1:{mail.port}"), "smtp_from": "etl@example.org"}


async def fail(world: World, *notify: str, **fields: Any) -> Run:
    """Have a run of a mapping that tells these addresses fail."""
    of = await world.add_mapping(notify=notify, **fields)
    await world.queue(of)
    return await world.runs.finish_run(await world.claim(), RunStatus.FAILED, error=BROKEN)


async def of_run(notices: NoticeStore, run: Run) -> list[tuple[str, str, int, str | None]]:
    return [
        (one.kind, one.status, one.attempts, one.error) for one in await notices.of_run("default", run.id)
    ]


async def test_a_failed_run_is_told_once_with_its_document_and_a_signature(
    world: World, notices: NoticeStore, web: WebReceiver, make_sender: SenderFactory
) -> None:
    run = await fail(world, web.url)
    await asyncio.gather(*(make_sender().send_due() for _ in range(3)))
    await make_sender().send_due()
    [posted] = web.posted
    said = json.loads(posted.body)
    assert posted.path == "/hooks/etl?from=test"
    assert (said["type"], said["tenant_id"], said["schedule"]) == ("run.failed", "default", None)
    assert said["mapping"]["id"] == said["run"]["mapping_id"] == str(run.mapping_id)
    assert (said["run"]["id"], said["run"]["status"]) == (str(run.id), "failed")
    assert said["run"]["error"] == BROKEN.model_dump()
    [secret] = webhook_secrets(world.settings.encryption_key, "default")
    assert check_signature(posted, secret.reveal(), lambda key, text: hmac.digest(key, text, hashlib.sha256))
    assert await of_run(notices, run) == [("failed", "sent", 1, None)]
    assert (await world.reread(run)).notices == ()


async def test_a_run_is_shown_as_the_api_shows_it(world: World) -> None:
    assert set(SHOWN) == set(RunRead.model_fields) - {"waiting_for"}
    run = await fail(world)
    for one in (run, run.model_copy(update={"started_at": NOW + timedelta(microseconds=1000)})):
        shown = read_run(one).model_dump(mode="json")
        assert shown_run(one) == {name: shown[name] for name in SHOWN}


async def test_a_signature_is_made_by_every_key_and_for_one_tenant(
    world: World, web: WebReceiver, make_sender: SenderFactory
) -> None:
    keys = tuple(Secret(Fernet.generate_key().decode()) for _ in range(2))
    await fail(world, web.url)
    await make_sender(encryption_key=keys).send_due()
    [posted] = web.posted

    def digest(key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, text, hashlib.sha256)

    assert [check_signature(posted, one.reveal(), digest) for one in webhook_secrets(keys, "default")] == [
        True
    ] * 2
    assert not check_signature(posted, webhook_secrets(keys, "another")[0].reveal(), digest)


async def test_a_receiver_that_answers_500_is_asked_again_with_the_same_notice(
    world: World, notices: NoticeStore, make_sender: SenderFactory
) -> None:
    with web_receiver(answers=(500, 200)) as web:
        run = await fail(world, web.url)
        await make_sender().send_due()
    first, second = web.posted
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert await of_run(notices, run) == [("failed", "sent", 2, None)]


async def test_a_notice_that_nobody_takes_is_given_up_and_kept(
    world: World, notices: NoticeStore, make_sender: SenderFactory
) -> None:
    with web_receiver(answers=(503,)) as web:
        run = await fail(world, web.url)
        for _ in range(2):
            await make_sender().send_due()
    assert len(web.posted) == AT_ONCE.max_attempts
    assert await of_run(notices, run) == [("failed", "given_up", 3, "answered_503")]


async def test_a_sender_that_died_while_sending_leaves_the_notice_to_the_next(
    world: World, notices: NoticeStore, web: WebReceiver, make_sender: SenderFactory
) -> None:
    run = await fail(world, web.url)
    await NoticeWriter(world.store, world.runs, lambda: NOW).write()
    taken = await notices.take_due(lease_seconds=0.3)
    assert taken is not None
    assert await notices.take_due(lease_seconds=60) is None
    sender = make_sender()

    async def is_sent() -> bool:
        await sender.send_due()
        return bool(web.posted)

    await eventually(is_sent)
    await notices.record_failure(taken, "too_late", None)
    assert await of_run(notices, run) == [("failed", "sent", 2, None)]


async def test_an_attempt_that_outlived_its_lease_says_nothing_of_the_next(
    world: World, notices: NoticeStore
) -> None:
    run = await fail(world, "http://127.0.0.1:9/")
    await NoticeWriter(world.store, world.runs, lambda: NOW).write()
    late, present = await notices.take_due(lease_seconds=0), await notices.take_due(lease_seconds=60)
    assert late is not None
    assert present is not None
    await notices.record_failure(late, "too_late", None)
    assert await of_run(notices, run) == [("failed", "waiting", 2, None)]
    await notices.record_sent(present)
    assert await of_run(notices, run) == [("failed", "sent", 2, None)]


async def test_each_target_of_each_kind_is_told_for_itself(
    world: World, notices: NoticeStore, web: WebReceiver, mail: MailReceiver, make_sender: SenderFactory
) -> None:
    run = await fail(world, web.url, "mailto:ops@example.org", web.url)
    named = {"$set": {"name": "Ümläut\u2028nightly"}}
    await world.store.collection("mappings").update_one({"_id": run.mapping_id}, named)
    await make_sender(**with_mail(mail)).send_due()
    assert len(web.posted) == 1
    [letter] = mail.mails
    assert (letter["from"], letter["to"]) == ("etl@example.org", "ops@example.org")
    assert letter["subject"].startswith("failed: Ümläut")
    assert str((await notices.of_run("default", run.id))[1].id) in letter["message-id"]
    text = letter.get_content()  # type: ignore[attr-defined]  # the policy makes it an EmailMessage
    assert "cast_failed: a text is no number" in text
    assert json.loads(text[text.index("{") :])["run"]["id"] == str(run.id)


async def test_a_mail_server_that_refuses_is_asked_again(
    world: World, notices: NoticeStore, mail: MailReceiver, make_sender: SenderFactory
) -> None:
    mail.refuse = True
    run = await fail(world, "mailto:ops@example.org")
    sender = make_sender(**with_mail(mail))
    await sender.send_due()
    assert await of_run(notices, run) == [("failed", "given_up", 3, "answered_451")]
    assert mail.mails == []


async def test_without_a_mail_server_the_notice_says_so(
    world: World, notices: NoticeStore, make_sender: SenderFactory
) -> None:
    run = await fail(world, "mailto:ops@example.org")
    await make_sender().send_due()
    assert await of_run(notices, run) == [("failed", "given_up", 3, "smtp_not_configured")]


@pytest.mark.filterwarnings("ignore:Session.login_data", "ignore:Requiring AUTH")  # the test's mail server
async def test_the_mail_servers_password_goes_there_and_nowhere_else(
    world: World, notices: NoticeStore, make_sender: SenderFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    with mail_receiver(with_login=True) as mail:
        run = await fail(world, "mailto:ops@example.org")
        await make_sender(**with_mail(mail, "etl:p%40ss-canary@")).send_due()
    assert mail.logins == [("etl", "p@ss-canary")]
    assert len(mail.mails) == 1
    await make_sender(**with_mail(mail, "etl:p%40ss-canary@")).send_due()
    assert "canary" not in capsys.readouterr().out
    assert "canary" not in repr(await notices.of_run("default", run.id))


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://169.254.169.254/latest/meta-data", "host_refused"),
        ("http://[::ffff:169.254.169.254]/", "host_refused"),
        ("http://2130706433/", "host_refused"),
        ("http://10.0.0.1/", "host_refused"),
        ("http://name.invalid/", "host_unknown"),
        ("http://127.0.0.1:9/", "not_reachable"),
        ("https://127.0.0.1:9/", "not_reachable"),
    ],
)
async def test_a_forbidden_or_silent_address_is_not_told(
    world: World, notices: NoticeStore, make_sender: SenderFactory, url: str, error: str
) -> None:
    run = await fail(world, url)
    await make_sender().send_due()
    assert await of_run(notices, run) == [("failed", "given_up", 3, error)]


async def test_the_address_that_was_checked_is_the_one_connected_to(
    world: World, web: WebReceiver, make_sender: SenderFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers otherwise the second time gains nothing: it is looked up once."""
    answers = iter(["127.0.0.1"])
    monkeypatch.setattr("executor.notices.webhook.check_address", lambda *_: next(answers))
    await fail(world, f"http://rebound.example.org:{web.port}/x")
    await make_sender().send_due()
    [posted] = web.posted
    assert posted.headers["host"] == f"rebound.example.org:{web.port}"


async def test_a_redirect_is_not_followed(
    world: World, notices: NoticeStore, web: WebReceiver, make_sender: SenderFactory
) -> None:
    with web_receiver(answers=(307,), headers={"location": web.url}) as gate:
        run = await fail(world, gate.url)
        await make_sender().send_due()
    assert web.posted == []
    assert await of_run(notices, run) == [("failed", "given_up", 3, "answered_307")]


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    world: World,
    notices: NoticeStore,
    make_sender: SenderFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    certificate = make_certificate(tmp_path)
    with web_receiver(tls=certificate.server_context()) as web:
        url = web.url.replace("http:", "https:")
        run = await fail(world, url)
        await make_sender().send_due()
        assert web.posted == []
        assert await of_run(notices, run) == [("failed", "given_up", 3, "tls_failed")]
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
        await fail(world, url.replace("127.0.0.1", "localhost"))
        await make_sender().send_due()
        assert len(web.posted) == 1


async def test_success_and_cancelling_are_not_told(
    world: World, web: WebReceiver, make_sender: SenderFactory
) -> None:
    of = await world.add_mapping(notify=(web.url,))
    for status in (RunStatus.SUCCEEDED, RunStatus.CANCELLED):
        await world.queue(of)
        await world.runs.finish_run(await world.claim(), status)
    await make_sender().send_due()
    assert web.posted == []


async def test_an_attempt_that_is_tried_again_is_not_told_and_a_run_that_timed_out_is(
    world: World, web: WebReceiver, make_sender: SenderFactory
) -> None:
    of = await world.add_mapping(notify=(web.url,))
    await world.queue(of)
    await world.runs.requeue_run(await world.claim(), 0, BROKEN)
    await make_sender().send_due()
    assert web.posted == []
    await world.runs.finish_run(await world.claim(), RunStatus.TIMED_OUT)
    await make_sender().send_due()
    assert [json.loads(posted.body)["run"]["status"] for posted in web.posted] == ["timed_out"]


async def test_who_is_told_is_what_the_mapping_says_now_or_said_at_its_end(
    world: World, store: StoreClient, web: WebReceiver, make_sender: SenderFactory
) -> None:
    run = await fail(world, "http://127.0.0.1:9/old")
    await store.collection("mappings").update_one({"_id": run.mapping_id}, {"$set": {"notify": [web.url]}})
    await make_sender().send_due()
    assert len(web.posted) == 1
    deleted = await fail(world, web.url)
    await MappingStore(store).delete("default", deleted.mapping_id)
    await make_sender().send_due()
    assert json.loads(web.posted[1].body)["run"]["id"] == str(deleted.id)


# -- ticks ---------------------------------------------------------------------------------------


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world.store, world.runs)


async def kinds(desk: Desk, notices: NoticeStore) -> list[tuple[str, str]]:
    """What was written of the runs of a desk by its time."""
    await NoticeWriter(desk.store, desk.runs, lambda: desk.now).write()
    found = desk.store.collection("notices").find().sort("_id", 1)
    said = [Notice.from_mongo(stored) async for stored in found]
    return [(one.kind, json.loads(one.body)["run"]["status"]) for one in said]


async def told(desk: Desk) -> Mapping:
    return await desk.add_mapping(notify=["https://example.org/told"])


async def test_missed_ticks_are_told_and_so_is_the_late_run_that_catches_up(
    desk: Desk, notices: NoticeStore
) -> None:
    await desk.add_schedule(await told(desk), cron_expression="0 * * * *")
    await desk.add_schedule(cron_expression="0 * * * *")
    await desk.at(NOON + timedelta(hours=5, minutes=30))
    assert sorted(await kinds(desk, notices)) == [("late", "queued"), ("missed", "skipped")]
    assert len(await kinds(desk, notices)) == 2
    found = await desk.store.collection("notices").find_one({"kind": "missed"})
    assert found is not None
    said = json.loads(found["body"])
    assert (said["run"]["count"], said["run"]["reason"]) == (5, "missed")
    assert said["schedule"]["name"] is not None


async def test_a_run_that_waits_beyond_the_grace_is_told_to_be_late_once(
    desk: Desk, notices: NoticeStore
) -> None:
    await desk.add_schedule(await told(desk), misfire_grace_seconds=90)
    await desk.at(NOON)
    desk.now = NOON + timedelta(seconds=89)
    assert await kinds(desk, notices) == []
    desk.now = NOON + timedelta(seconds=90)
    assert await kinds(desk, notices) == [("late", "queued")]
    await desk.finish_all(RunStatus.FAILED)
    assert await kinds(desk, notices) == [("late", "queued"), ("failed", "failed")]


async def test_a_run_that_started_in_time_is_not_late_however_long_it_takes(
    desk: Desk, notices: NoticeStore
) -> None:
    await desk.add_schedule(await told(desk), misfire_grace_seconds=0)
    [run] = await desk.at(NOON)
    # Claimed by the server's clock, which is at another time than the desk's: as if it were due much later.
    later = {"late_at": NOON + timedelta(days=36500)}
    await desk.store.collection("runs").update_one({"_id": run.id}, {"$set": later})
    assert await desk.runs.claim_run("desk", 30) is not None
    desk.now = NOON + timedelta(days=36501)
    assert await kinds(desk, notices) == []


async def test_a_run_that_was_cancelled_before_it_began_is_not_late(desk: Desk, notices: NoticeStore) -> None:
    await desk.add_schedule(await told(desk))
    [run] = await desk.at(NOON)
    await desk.runs.request_cancel("default", run.id)
    desk.now = NOON + 5 * MINUTE
    assert await kinds(desk, notices) == []


async def test_other_skipped_ticks_are_not_told(desk: Desk, notices: NoticeStore) -> None:
    await desk.add_schedule(await told(desk))
    await desk.at(NOON)
    assert await desk.runs.claim_run("desk", 300) is not None
    [overlap] = await desk.at(NOON + MINUTE)
    assert (overlap.reason, overlap.notices) == ("overlap", ())
    assert "skipped" not in [status for _, status in await kinds(desk, notices)]


# -- executors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["notices_written", "notice_taken"])
async def test_an_executor_killed_before_sending_leaves_the_notice_to_the_next(
    world: World, notices: NoticeStore, web: WebReceiver, tmp_path: Path, point: str
) -> None:
    faults = tmp_path / "faults"
    faults.mkdir()
    with Installation(tmp_path / "installation", world.environment) as installation:
        await asyncio.to_thread(
            installation.start_executor, FAULT_POINTS=f"{point}=pause", FAULT_POINTS_DIR=str(faults)
        )
        of = await world.add_mapping(source_query="SELECT a FROM nowhere", notify=(web.url,))
        run = await world.queue(of)

        async def is_there() -> bool:
            return (faults / f"{point}.reached").exists()

        await eventually(is_there)
        await asyncio.to_thread(installation.services[0].kill)
        assert web.posted == []
        assert len(await notices.of_run("default", run.id)) == 1
        # The lease of the killed one, by the server's clock, has ended.
        await world.store.collection("notices").update_many({}, {"$set": {"due_at": NOW}})
        await asyncio.to_thread(installation.start_executor)

        async def is_sent() -> bool:
            return [one[1] for one in await of_run(notices, run)] == ["sent"]

        await eventually(is_sent)
    assert len(web.posted) == 1
