"""The addresses that the lab gives to its hosts."""

from __future__ import annotations

from lab.addresses import FIRST, LAST, AddressPool


def test_addresses_come_in_turn_and_a_freed_one_not_at_once() -> None:
    pool = AddressPool()
    first, second = pool.take(set()), pool.take(set())
    assert (first, second) == ("10.77.0.10", "10.77.0.11")
    assert pool.take(set()) == "10.77.0.12"


def test_addresses_in_use_are_left_out_and_the_pool_begins_anew_at_its_end() -> None:
    pool = AddressPool(last=LAST)
    assert pool.take({"10.77.0.10", "10.77.0.11"}) == "10.77.0.12"


def test_a_full_pool_gives_none() -> None:
    everything = {f"10.77.0.{last}" for last in range(FIRST, LAST + 1)}
    assert AddressPool().take(everything) is None
    assert AddressPool.free(everything) == 0
    assert AddressPool.free(set()) == len(everything)
