"""Sharing schedules out among executors."""

from collections import Counter

from bson import ObjectId

from executor.peers import Peers


def test_alone_everything_is_mine() -> None:
    assert all(Peers("one").is_mine(ObjectId()) for _ in range(20))


def test_each_key_has_exactly_one_owner_and_the_shares_are_even() -> None:
    names = ["one", "two", "three"]
    peers = {name: Peers(name) for name in names}
    for one in peers.values():
        one.update(names)
    keys = [ObjectId() for _ in range(600)]
    owners = [[name for name in names if peers[name].is_mine(key)] for key in keys]
    assert all(len(owner) == 1 for owner in owners)
    assert min(Counter(owner[0] for owner in owners).values()) > 140


def test_a_gone_peer_gives_only_its_own_keys_away() -> None:
    one = Peers("one")
    one.update(["one", "two", "three"])
    keys = [ObjectId() for _ in range(100)]
    before = {key for key in keys if one.is_mine(key)}
    one.update(["one", "two"])
    assert before <= {key for key in keys if one.is_mine(key)}
