import pytest
from cryptography.fernet import Fernet

from shared.encryption import Keyring
from shared.errors import SecretUnreadable
from shared.secret import Secret


def new_key() -> Secret:
    return Secret(Fernet.generate_key().decode())


def test_a_secret_comes_back() -> None:
    keyring = Keyring([new_key()])
    token = keyring.encrypt(Secret("pässword"))
    assert "ssword" not in token
    assert keyring.decrypt(token).reveal() == "pässword"


def test_the_first_key_writes_and_all_read() -> None:
    old, new = new_key(), new_key()
    token = Keyring([old]).encrypt(Secret("x"))
    rotated = Keyring([new, old])
    assert rotated.decrypt(token).reveal() == "x"
    assert Keyring([new]).can_decrypt(rotated.encrypt(Secret("y")))


@pytest.mark.parametrize("token", ["", "nonsense", "gAAAAAB", "é"])
def test_what_no_key_opens_is_unreadable(token: str) -> None:
    keyring = Keyring([new_key()])
    assert not keyring.can_decrypt(token)
    with pytest.raises(SecretUnreadable):
        keyring.decrypt(token)
    assert not Keyring([new_key()]).can_decrypt(keyring.encrypt(Secret("x")))


def test_a_keyring_without_keys_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        Keyring([])
