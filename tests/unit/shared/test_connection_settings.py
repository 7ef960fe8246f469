from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from shared.connection_settings import default_target_settings, open_connection_settings
from shared.documents.connection import Connection, DatabaseType, StoredOptions
from shared.encryption import Keyring
from shared.errors import ConfigError, SecretUnreadable
from shared.secret import Secret
from shared.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([Secret(Fernet.generate_key().decode())])


def connection(**more: Any) -> Connection:
    values: dict[str, Any] = {
        "db_type": DatabaseType.POSTGRESQL,
        "host": "h",
        "port": 1,
        "database": "d",
        **more,
    }
    return Connection(name="c", created_at=NOW, updated_at=NOW, **values)


def test_secrets_are_opened(keyring: Keyring, tmp_path: Path) -> None:
    options = StoredOptions(ssl_mode="verify-ca", ssl_key_encrypted=keyring.encrypt(Secret("key")))
    stored = connection(password_encrypted=keyring.encrypt(Secret("pw")), options=options)
    opened = open_connection_settings(stored, keyring, tmp_path)
    assert (opened.password, opened.ssl_key) == (Secret("pw"), Secret("key"))
    assert (opened.connection_id, opened.ssl_mode) == (str(stored.id), "verify-ca")
    assert "pw" not in repr(opened)


def test_a_secret_of_another_key_is_unreadable(keyring: Keyring, tmp_path: Path) -> None:
    foreign = Keyring([Secret(Fernet.generate_key().decode())]).encrypt(Secret("pw"))
    with pytest.raises(SecretUnreadable):
        open_connection_settings(connection(password_encrypted=foreign), keyring, tmp_path)


def test_a_sqlite_file_lies_in_its_tenants_folder(keyring: Keyring, tmp_path: Path) -> None:
    stored = connection(db_type=DatabaseType.SQLITE, host=None, port=None, database="a.sqlite")
    opened = open_connection_settings(stored, keyring, tmp_path)
    assert opened.database == str(tmp_path / "default" / "a.sqlite")
    assert (tmp_path / "default").is_dir()
    other = stored.model_copy(update={"tenant_id": "other"})
    assert open_connection_settings(other, keyring, tmp_path).database == str(tmp_path / "other" / "a.sqlite")


@pytest.mark.parametrize("name", ["../a", "a/b", "..", ".", "", "a\0b", "a?mode=rw", "c:a"])
def test_a_sqlite_file_never_leaves_it(keyring: Keyring, tmp_path: Path, name: str) -> None:
    stored = connection(db_type=DatabaseType.SQLITE, host=None, port=None, database=name)
    with pytest.raises(ConfigError):
        open_connection_settings(stored, keyring, tmp_path)


def test_a_link_out_of_the_folder_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "link").symlink_to("/etc/passwd")
    stored = connection(db_type=DatabaseType.SQLITE, host=None, port=None, database="link")
    with pytest.raises(ConfigError):
        open_connection_settings(stored, keyring, tmp_path)


def settings_with(url: str, tmp_path: Path) -> Settings:
    return Settings.from_environment({"DATA_DIR": str(tmp_path), "TARGET_DATABASE_URL": url})


def test_the_default_target_is_a_file_in_the_data_folder(tmp_path: Path) -> None:
    opened = default_target_settings(Settings.from_environment({"DATA_DIR": str(tmp_path)}))
    assert (opened.db_type, opened.database) == ("sqlite", str(tmp_path / "target.sqlite3"))


def test_a_default_target_url_is_taken_apart(tmp_path: Path) -> None:
    url = "postgresql+psycopg2://us%40er:p%3Aw@db.example.com/sales%20x?sslmode=require"
    opened = default_target_settings(settings_with(url, tmp_path))
    assert (opened.db_type, opened.host, opened.port) == ("postgresql", "db.example.com", 5432)
    assert (opened.username, opened.password, opened.database) == ("us@er", Secret("p:w"), "sales x")
    assert opened.ssl_mode == "require"
    mysql = default_target_settings(settings_with("mysql://u:p@[::1]:3307/d", tmp_path))
    assert (mysql.host, mysql.port, mysql.ssl_mode) == ("::1", 3307, "prefer")


@pytest.mark.parametrize("url", ["postgresql://u:pw-canary@h", "mysql://u:pw-canary@h/d?ssl_mode=maybe"])
def test_a_bad_default_target_is_named_without_its_secret(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="TARGET_DATABASE_URL") as caught:
        default_target_settings(settings_with(url, tmp_path))
    assert "canary" not in str(caught.value)
