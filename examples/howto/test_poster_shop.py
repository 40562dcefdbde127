"""Posters and vouchers, as the page *Ways in* shows them."""

from pathlib import Path

import pytest
from poster_shop import a_voucher, bot, print_posters, vouchers

from convokit import DefinitionError
from convokit.testing import Simulation
from convokit.wire.signing import Secret


def test_a_poster_is_printed_for_each_table_and_channel(tmp_path: Path) -> None:
    print_posters(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {
        f"{channel}-{table}.svg" for channel in ("telegram", "web") for table in range(1, 13)
    }


async def test_each_poster_opens_its_own_point() -> None:
    async with Simulation(bot) as world:
        ada = world.user("Ada")
        assert await ada.opens("table-7") == ["Welcome to table 7! What can we bring you?"]
        assert await ada.opens("spring-sale") == ["Our spring menu is here. Write 'menu' to see it."]
        assert await ada.opens("something-else") == ["Welcome!"]


async def test_a_voucher_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DefinitionError, match="VOUCHER_SECRET"):
        a_voucher()
    monkeypatch.setattr(vouchers, "_secret", Secret("a secret of the cafe's own", "VOUCHER_SECRET"))
    ref = a_voucher().rpartition("start=")[2]
    async with Simulation(bot) as world:
        # The voucher is good for a month by the machine's clock, which the simulation's lies behind.
        assert await world.user("Ada").opens(ref) == ["Your coffee is on the house: show this message at the till."]
        assert await world.user("Ben").opens(ref) == ["This voucher was used already, or its time is over."]
