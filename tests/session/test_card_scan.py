"""A sweep that is put into a card leaves what it does not change as it was written."""

import pytest

from labspin.experiment import read_scan
from labspin.session import load_card

pytest.importorskip("tomlkit")

from labspin.session import new_card_text, save_card

HEAD = 'procedure = "t1"   # the diamond of May\n\n[parameters]\naverages = 2  # two passes\n\n'
SNAKE = HEAD + (
    '[scan]\n# there and back\nsweep = "snake"\nof = [\n'
    '    { sweep = "values", name = "averages", values = [1, 2] },  # outer\n'
    '    { sweep = "linear", name = "magnet.field", start = "10 G", stop = "24 G", number = 8 },  # fast\n]\n'
)


def linear(name, start, stop, number):
    return {"sweep": "linear", "name": name, "start": start, "stop": stop, "number": number}


AVERAGES = {"sweep": "values", "name": "averages", "values": [1, 2]}


def saved(tmp_path, text, scan, **options):
    card = tmp_path / "card.toml"
    card.write_text(text, encoding="utf-8")
    save_card(card, {"scan": scan}, **options)
    return card


def scan_of(card, run=0):
    return read_scan(load_card(card).runs[run].parameters["scan"])


def test_only_the_axis_that_changed_is_written_again(tmp_path):
    wanted = {"sweep": "snake", "of": [AVERAGES, linear("magnet.field", "1 mT", "3 mT", 8)]}
    card = saved(tmp_path, SNAKE, wanted)
    assert card.read_text(encoding="utf-8") == SNAKE.replace('stop = "24 G"', 'stop = "3 mT"')
    assert scan_of(card).columns()["magnet.field"].max() == pytest.approx(3e-3, rel=1e-9, abs=0)


def test_the_same_in_another_unit_is_no_change(tmp_path):
    same = {"sweep": "snake", "of": [AVERAGES, linear("magnet.field", "1 mT", "2.4 mT", 8)]}
    assert saved(tmp_path, SNAKE, same).read_text(encoding="utf-8") == SNAKE
    text = HEAD + '[scan]\n"magnet.field" = "10 G … 24 G, 8"  # of the class along it\n'
    card = saved(tmp_path, text, linear("magnet.field", "1 mT", "2.4 mT", 8))
    assert card.read_text(encoding="utf-8") == text


def test_axes_in_another_order_keep_their_comments(tmp_path):
    text = HEAD + '[scan]\n# slow\naverages = [1, 2]\n# quick\n"magnet.field" = "10 G … 24 G, 8"  # up\n'
    wanted = {"sweep": "product", "of": [linear("magnet.field", "10 G", "24 G", 8), AVERAGES]}
    card = saved(tmp_path, text, wanted)
    assert scan_of(card).names == ("magnet.field", "averages")
    written = card.read_text(encoding="utf-8")
    assert '# quick\n"magnet.field" = "10 G … 24 G, 8"  # up\n# slow\naverages = [1, 2]\n' in written


@pytest.mark.parametrize(
    "around",
    [
        {"sweep": "repeat", "number": 3, "name": "pass"},
        {"sweep": "shuffled", "seed": 7},
        {"sweep": "filter", "where": ["magnet.field < 20 G"]},
        {"sweep": "snake"},
    ],
    ids=lambda form: form["sweep"],
)
def test_a_table_becomes_a_form_and_is_a_table_again(tmp_path, around):
    text = HEAD + '[scan]\n# of the second sample\naverages = [1, 2]\n"magnet.field" = "10 G … 24 G, 8"\n'
    axes = [AVERAGES, linear("magnet.field", "10 G", "24 G", 8)]
    inside = axes if around["sweep"] == "snake" else {"sweep": "product", "of": axes}
    card = saved(tmp_path, text, {**around, "of": inside})
    assert scan_of(card) == read_scan({**around, "of": inside})
    written = card.read_text(encoding="utf-8")
    assert "# of the second sample" in written
    assert written.startswith(HEAD)
    new = new_card_text("t1", None, {"scan": {**around, "of": inside}}, folder=tmp_path)
    (tmp_path / "new.toml").write_text(new, encoding="utf-8")
    assert scan_of(tmp_path / "new.toml") == scan_of(card)
    save_card(card, {"scan": ""})
    assert "scan" not in load_card(card).runs[0].parameters


def test_the_scan_is_changed_where_it_stands(tmp_path):
    """One of a run itself would else win over the one that was saved."""
    text = HEAD + '[[runs]]\nlabel = "a"\n\n[runs.parameters]\nscan = { "magnet.field" = "1 G … 2 G, 2" }\n'
    card = saved(tmp_path, text, linear("magnet.field", "1 G", "3 G", 3), label="a")
    assert len(scan_of(card)) == 3
    text = HEAD.replace("averages", 'scan = { "magnet.field" = "1 G … 2 G, 2" }\naverages')
    assert len(scan_of(saved(tmp_path, text, linear("magnet.field", "1 G", "3 G", 3)))) == 3


def test_axes_within_a_line_stay_there(tmp_path):
    text = 'scan = { averages = [1, 2], "magnet.field" = "1 G … 2 G, 2" }\nprocedure = "t1"\n'
    wanted = {"sweep": "product", "of": [linear("magnet.field", "1 G", "2 G", 2), AVERAGES]}
    card = saved(tmp_path, text, wanted)
    assert scan_of(card).names == ("magnet.field", "averages")
