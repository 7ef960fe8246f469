"""Settings: read once, every fault reported together, no secret shown."""

import itertools
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from shared.settings import Settings, SettingsError

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OTHER_KEY = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
ENV_EXAMPLE = Path(__file__).resolve().parents[3] / ".env.example"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without settings, in a folder without `.env`."""
    for field in Settings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
        monkeypatch.delenv(f"{field.upper()}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_faults(env: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(env)
    return str(caught.value).splitlines()[1:]


def test_defaults_are_those_of_the_contract(empty_folder: Path) -> None:
    settings = Settings.from_environment({})
    assert (settings.config_api_host, settings.config_api_port) == ("127.0.0.1", 8000)
    assert (settings.executor_host, settings.executor_port) == ("127.0.0.1", 8001)
    assert settings.api_v1_prefix == "/api/v1"
    assert settings.cors_origins == ("http://localhost:5173", "http://localhost:3000")
    assert (settings.mongodb_url, settings.mongodb_db_name) == (None, "etl_engine")
    assert (settings.lease_seconds, settings.poll_seconds, settings.shutdown_grace_seconds) == (30, 2, 30)
    assert settings.heartbeat_seconds == settings.rescue_seconds == 10
    assert settings.data_dir == empty_folder / ".data"
    assert settings.sqlite_root == empty_folder / ".data" / "sqlite"
    assert settings.target_database_url.reveal() == f"sqlite:///{empty_folder}/.data/target.sqlite3"
    assert settings.executor_workers >= 1
    assert settings.log_format == "console"


def test_every_setting_is_read_from_its_variable(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "APP_ENV": "production",
            "CONFIG_API_HOST": "0.0.0.0",
            "CORS_ORIGINS": '["https://etl.example.org"]',
            "MONGODB_URL": "mongodb://user:word@db.example.org/?replicaSet=rs0",
            "ENCRYPTION_KEY": f"{KEY}, {OTHER_KEY}",
            "ALLOW_NO_LOGIN": "1",
            "DATA_DIR": str(tmp_path / "elsewhere"),
            "TARGET_DATABASE_URL": "postgresql+psycopg2://user:word@db.example.org/warehouse",
            "ALLOWED_PRIVATE_NETWORKS": "10.0.0.0/8, fd00::/8",
            "LOG_LEVEL": "WARNING",
            "LEASE_SECONDS": "1.5",
        }
    )
    assert settings.cors_origins == ("https://etl.example.org",)
    assert [key.reveal() for key in settings.encryption_key] == [KEY, OTHER_KEY]
    assert settings.allowed_private_networks == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert settings.log_level == "warning"
    assert settings.log_format == "json"
    assert settings.lease_seconds == 1.5
    assert settings.sqlite_root == tmp_path / "elsewhere" / "sqlite"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "test"),
        ("CONFIG_API_PORT", "http"),
        ("EXECUTOR_PORT", "65536"),
        ("EXECUTOR_HOST", "a b"),
        ("API_V1_PREFIX", "api/"),
        ("CORS_ORIGINS", "http://localhost:5173"),
        ("CORS_ORIGINS", '["http://localhost:5173/"]'),
        ("MONGODB_DB_NAME", "a.b"),
        ("ALLOW_NO_LOGIN", "perhaps"),
        ("ALLOWED_PRIVATE_NETWORKS", "10.0.0.1/8"),
        ("EXECUTOR_WORKERS", "0"),
        ("LEASE_SECONDS", "nan"),
        ("LOG_LEVEL", "loud"),
        ("RUN_RETENTION_DAYS", "1.5"),
    ],
)
def test_a_fault_names_the_variable_its_legal_values_and_what_was_found(name: str, value: str) -> None:
    assert read_faults({name: value}) == [
        f"  {name} must be {Settings.model_fields[name.lower()].description}; found {value!r}"
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MONGODB_URL", "http://user:hidden-word@db"),
        ("ENCRYPTION_KEY", f"{KEY},hidden-word"),
        ("ENCRYPTION_KEY", f"{KEY},"),
        ("JWT_SECRET_KEY", "hidden-word"),
        ("TARGET_DATABASE_URL", "oracle://user:hidden-word@db/x"),
        ("TARGET_DATABASE_URL", "postgresql:///hidden-word"),
    ],
)
def test_a_faulty_secret_is_not_shown(name: str, value: str) -> None:
    faults = read_faults({name: value})
    assert faults == [f"  {name} must be {Settings.model_fields[name.lower()].description}"]


def test_all_faults_are_reported_together() -> None:
    faults = read_faults(
        {"APP_ENV": "staging", "CONFIG_API_PORT": "x", "LEASE_SECONDS": "0", "LOG_FORMAT": "x"}
    )
    assert [fault.split()[0] for fault in faults] == [
        "CONFIG_API_PORT",
        "LEASE_SECONDS",
        "LOG_FORMAT",
        "JWT_SECRET_KEY",
        "ENCRYPTION_KEY",
    ]


@pytest.mark.parametrize(
    "env",
    [
        {"APP_ENV": "development", "CONFIG_API_HOST": "0.0.0.0"},
        {"APP_ENV": "production", "CONFIG_API_HOST": "127.0.0.1", "ENCRYPTION_KEY": KEY},
        {"APP_ENV": "staging", "ENCRYPTION_KEY": KEY, "ALLOW_NO_LOGIN": "0"},
    ],
)
def test_outside_development_on_loopback_there_is_a_login_unless_none_is_asked_for(
    env: dict[str, str],
) -> None:
    [fault] = read_faults(env)
    assert fault.startswith("  JWT_SECRET_KEY is needed")
    assert Settings.from_environment(env | {"JWT_SECRET_KEY": "k" * 32}).login_required
    assert not Settings.from_environment(env | {"ALLOW_NO_LOGIN": "1"}).login_required


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_development_on_loopback_runs_without_login(host: str) -> None:
    settings = Settings.from_environment({"CONFIG_API_HOST": host})
    assert settings.runs_on_loopback
    assert not settings.login_required


def test_both_services_cannot_have_one_port() -> None:
    [fault] = read_faults({"CONFIG_API_PORT": "9000", "EXECUTOR_PORT": "9000"})
    assert fault == "  CONFIG_API_PORT and EXECUTOR_PORT are both 9000; they must differ"


def test_the_folder_of_the_web_ui_has_a_page_in_it(tmp_path: Path) -> None:
    [fault] = read_faults({"UI_DIR": str(tmp_path)})
    assert fault.startswith("  UI_DIR must be a folder with the built web UI and its index.html")
    (tmp_path / "index.html").touch()
    assert Settings.from_environment({"UI_DIR": str(tmp_path)}).ui_dir == tmp_path


def test_outside_development_an_encryption_key_is_needed_and_none_is_made(empty_folder: Path) -> None:
    [fault] = read_faults({"APP_ENV": "production", "ALLOW_NO_LOGIN": "1", "ENCRYPTION_KEY": " "})
    assert fault.startswith("  ENCRYPTION_KEY is needed")
    assert not (empty_folder / ".data").exists()


def test_development_makes_itself_one_private_key_and_keeps_it(empty_folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = {settings.encryption_key for settings in pool.map(Settings.from_environment, [{}] * 16)}
    [(key,)] = keys
    assert Fernet(key.reveal()).decrypt(Fernet(key.reveal()).encrypt(b"x")) == b"x"
    kept = empty_folder / ".data" / "encryption.key"
    assert kept.read_text() == key.reveal()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_secret_may_stand_in_a_file(empty_folder: Path) -> None:
    (empty_folder / "key").write_text(f"{KEY}\n")
    settings = Settings.from_environment({"ENCRYPTION_KEY_FILE": str(empty_folder / "key")})
    assert [key.reveal() for key in settings.encryption_key] == [KEY]
    assert read_faults({"ENCRYPTION_KEY_FILE": "key", "ENCRYPTION_KEY": KEY}) == [
        "  ENCRYPTION_KEY and ENCRYPTION_KEY_FILE are both set; one of them is needed"
    ]
    assert read_faults({"MONGODB_URL_FILE": "nowhere"}) == [
        "  MONGODB_URL_FILE names a file that cannot be read: No such file or directory"
    ]


def test_the_environment_wins_over_the_env_file(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty_folder / ".env").write_text(
        f"# a comment\nexport EXECUTOR_PORT=9001 # why\nCONFIG_API_PORT='9000'\nENCRYPTION_KEY={KEY}\n"
        'CORS_ORIGINS=["http://localhost:1", "http://localhost:2"]\nLOG_LEVEL=\n'
    )
    (empty_folder / "key").write_text(OTHER_KEY)
    monkeypatch.setenv("EXECUTOR_PORT", "9002")
    monkeypatch.setenv("CONFIG_API_PORT", "")
    monkeypatch.setenv("ENCRYPTION_KEY_FILE", "key")
    settings = Settings.from_environment()
    assert (settings.config_api_port, settings.executor_port) == (9000, 9002)
    assert settings.cors_origins == ("http://localhost:1", "http://localhost:2")
    assert [key.reveal() for key in settings.encryption_key] == [OTHER_KEY]


def test_an_unreadable_env_file_names_its_lines_only(empty_folder: Path) -> None:
    (empty_folder / ".env").write_text("LOG_LEVEL=info\nhidden-word\n\nPORT 9 = 1\n")
    with pytest.raises(SettingsError, match=r"\.env: line 2, 4 is not NAME=value$"):
        Settings.from_environment()


def test_no_secret_shows_in_the_settings_as_text() -> None:
    settings = Settings.from_environment(
        {"ENCRYPTION_KEY": KEY, "MONGODB_URL": "mongodb://u:hidden@db", "JWT_SECRET_KEY": "hidden" * 6}
    )
    text = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert "hidden" not in text
    assert KEY not in text


def test_the_example_file_lists_every_setting_with_a_legal_value() -> None:
    lines = ENV_EXAMPLE.read_text().splitlines()
    shown = dict(re.findall(r"^#([A-Z0-9_]+)=(.*)$", "\n".join(lines), re.MULTILINE))
    assert sorted(shown) == sorted(field.upper() for field in Settings.model_fields)
    assert [
        key.reveal() for key in Settings.from_environment({**shown, "ENCRYPTION_KEY": KEY}).encryption_key
    ] == [KEY]
    for before, line in itertools.pairwise(lines):
        assert not re.match(r"#[A-Z0-9_]+=", line) or before.startswith("#"), f"{line} has no comment"


def test_the_example_file_shows_the_defaults(empty_folder: Path) -> None:
    shown = dict(re.findall(r"^#([A-Z0-9_]+)=(.*)$", ENV_EXAMPLE.read_text(), re.MULTILINE))
    for illustrated in ("MONGODB_URL", "TARGET_DATABASE_URL", "EXECUTOR_WORKERS"):
        del shown[illustrated]
    defaults = Settings.from_environment({"EXECUTOR_WORKERS": "1"})
    assert Settings.from_environment({**shown, "EXECUTOR_WORKERS": "1"}) == defaults


def test_mail_needs_a_server_and_a_sender() -> None:
    given = {"SMTP_URL": "smtps://me:canary@mail.example.org", "SMTP_FROM": "etl@example.org"}
    settings = Settings.from_environment(given)
    assert settings.smtp_url is not None
    assert (settings.smtp_from, "canary" in repr(settings)) == ("etl@example.org", False)
    [fault] = read_faults({"SMTP_URL": "smtp://mail.example.org"})
    assert "SMTP_FROM is needed" in fault
    for url in ("http://mail.example.org", "smtp://", "smtp://h:99999", "smtp://h/path"):
        [fault] = read_faults({"SMTP_URL": url, "SMTP_FROM": "etl@example.org"})
        assert "SMTP_URL must be" in fault
