"""`demo` as a stranger runs it: one command, one verdict, one JSON object."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.road.installation import OwnInstallation

WITHIN_S = 240
PROMISED = {
    "sales",
    "closed",
    "manual",
    "lost",
    "duplicate_effects",
    "out_of_order",
    "leaks",
    "held_peak",
    "first_closed_s",
    "wall_s",
    "checker",
    "case",
    "feed",
    "styles",
}


@pytest.mark.timeout(300)
def test_the_demonstration_ends_with_a_clean_verdict(tmp_path: Path) -> None:
    """Every sale closes although the police were down for a while, which is seen in what was held."""
    installation = OwnInstallation(tmp_path / "data")
    try:
        typed = installation.type_in("demo", "--sales", "40", "--seed", "7", within_s=WITHIN_S)
    finally:
        installation.down()
    report, told = typed.answer, f"{typed.answer}\n{typed.shown[-3000:]}\n{typed.said[-3000:]}"
    assert typed.code == 0, told
    assert report.keys() >= PROMISED
    assert (report["sales"], report["closed"], report["manual"], report["checker"]) == (40, 40, 0, "clean"), told
    assert {name: report[name] for name in ("lost", "duplicate_effects", "out_of_order", "leaks")} == {
        "lost": 0,
        "duplicate_effects": 0,
        "out_of_order": 0,
        "leaks": 0,
    }
    assert report["held_peak"] > 0
    assert 0 < report["first_closed_s"] < report["wall_s"]
    assert report["case"] in told
    assert "police" in typed.shown, told
    assert {one["style"] for one in report["styles"]} == {"rest", "signed-rest", "soap", "iso20022", "files"}
    assert all(one["calls"] for one in report["styles"]), told
    told_by_version = {one["version"]: one for one in report["feed"]}
    assert sorted(told_by_version) == [1, 2, 3], told
    assert [one["faults"] for one in report["feed"]] == [[], [], []]
    assert "motor_nos" in told_by_version[1]["lost"]
    assert "motor_nos" in told_by_version[2]["lost"]
    assert (told_by_version[3]["lost"], told_by_version[3]["fields"]["motor_nos"]) == ([], "full")
    assert told_by_version[2]["fields"]["buyer_id_no"] == "sealed"
    assert told_by_version[3]["fields"]["phone"] == "masked"
    assert "buyer_id_no" not in told_by_version[1]["fields"]
