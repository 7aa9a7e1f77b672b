"""What is known of who waits stays small, and never too small: none overtakes what is parked before it."""

from __future__ import annotations

from services.dispatch.keys import Keys


def _size(keys: Keys) -> int:
    return len(keys._known or ()) + len(keys._heard or ())


def test_a_few_are_known_one_by_one() -> None:
    """Whoever is not among them goes on without a look."""
    keys = Keys()
    assert not keys
    keys.add("a")
    keys.learn({"b"})
    assert ("a" in keys, "b" in keys, bool(keys)) == (False, True, True)
    keys.discard("b")
    assert not keys


def test_of_many_anybody_may_be_one_and_memory_stays_as_it_is() -> None:
    """However many are parked, and whether they are learnt or parked here."""
    keys = Keys(most=3)
    for number in range(1_000):
        keys.add(f"parked {number}")
        assert _size(keys) <= keys.most
    assert "anybody" in keys
    keys.listen()
    for number in range(1_000):
        keys.add(f"meanwhile {number}")
        assert _size(keys) <= keys.most + 1
    keys.learn({f"learnt {number}" for number in range(4)})
    assert ("anybody" in keys, bool(keys), _size(keys)) == (True, True, 0)


def test_what_is_parked_while_it_is_read_who_waits_is_not_forgotten() -> None:
    """It may have been parked after the reading; also where that is when they became too many."""
    keys = Keys(most=3)
    keys.listen()
    keys.add("late")
    keys.learn({"early"})
    assert "late" in keys
    keys.listen()
    for key in ("b", "c", "d"):
        keys.add(key)
    keys.learn({"early"})
    assert all(key in keys for key in ("early", "b", "c", "d"))


def test_what_was_too_many_is_read_again_when_looks_find_nothing() -> None:
    """At once where it may only be that nobody told of those that people decided about; then as often as it pays."""
    keys = Keys(most=3)
    for key in "abcd":
        keys.add(key)
    assert keys.doubtful
    keys.listen()
    keys.learn(set("abcd"))
    for looked_in_vain in range(4):
        assert keys.doubtful is (looked_in_vain >= 3)
        keys.discard("e")
    keys.listen()
    keys.learn({"a"})
    assert ("a" in keys, "b" in keys, keys.doubtful) == (True, False, False)
