"""What the page keeps of drawings: in the browser's database, not in memory; counted, shown, saved, forgotten."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from page_kit import DIGITS, Hand, answered, unfold, until

# Puts records into the database as an earlier release did.
SEED = """(records) => new Promise((done) => {
    const opened = indexedDB.open("mnist-draw", 1);
    opened.onsuccess = () => {
      const transaction = opened.result.transaction("drawings", "readwrite");
      for (const each of records)
        transaction.objectStore("drawings").put({ ...each, pixels: new Uint8Array(784).fill(each.when % 256) });
      transaction.oncomplete = () => done(opened.result.close());
    };
  })"""
REFUSE = """() => { IDBObjectStore.prototype.put = () => { throw new DOMException("full", "QuotaExceededError"); }; }"""


def record(number: int) -> dict[str, Any]:
    """A drawing of that millisecond; its id says nothing of its age. Each third is labelled, half of these rightly."""
    label = None if number % 3 else (number if number % 2 else number + 1) % 10
    points = [{"x": number % 280, "y": 9, "pressure": 0.5}]
    strokes = [{"width": 16, "points": points}]
    guess = {"id": f"{number * 7919 % 1000}", "when": number, "guess": number % 10, "confidence": 0.75}
    return {**guess, "label": label, "strokes": strokes}


def with_kept(visit, count: int):
    """A page in a browser that keeps so many drawings from an earlier visit."""
    page = visit()
    until(page, "document.getElementById('tally').textContent === 'Nothing kept yet.'")
    page.evaluate(SEED, [record(number) for number in range(count)])
    page.reload()
    until(page, f"document.getElementById('tally').textContent.includes(' of {count} here')")
    unfold(page)
    return page


def held(page) -> int:
    """How many drawings with their pixels are in the page's memory, garbage left out."""
    cdp = page.context.new_cdp_session(page)
    kind = cdp.send("Runtime.evaluate", {"expression": "Object.prototype"})["result"]["objectId"]
    found = cdp.send("Runtime.queryObjects", {"prototypeObjectId": kind})["objects"]["objectId"]
    code = "function () { return this.filter((each) => Object.hasOwn(each, 'pixels')).length; }"
    told = cdp.send("Runtime.callFunctionOn", {"objectId": found, "functionDeclaration": code, "returnByValue": True})
    cdp.detach()
    number: int = told["result"]["value"]
    return number


def saved(page, kind: str) -> str:
    """The text of the file that the page saves."""
    with page.expect_download() as download:
        page.click(f"#{kind}")
    return Path(download.value.path()).read_text("utf-8")


def drawn(each: dict[str, Any]) -> dict[str, Any]:
    """A record as it is in the JSON file."""
    label = each["label"]
    return {
        "label": each["guess"] if label is None else label,
        "guess": each["guess"],
        "confidence": each["confidence"],
        "labelledByHand": label is not None,
        "drawn": f"1970-01-01T00:00:00.{each['when']:03}Z",
        "strokes": each["strokes"],
    }


def test_memory_holds_no_more_drawings_however_many_are_kept(visit):
    page = with_kept(visit, 300)
    assert 60 <= held(page) <= 85
    page.locator("#paper").scroll_into_view_if_needed()
    for digit in (7, 2, 1):
        Hand(page).draw(DIGITS[digit])
        answered(page)
        page.click("#clear")
    until(page, "document.getElementById('tally').textContent.includes(' of 303 here')")
    assert 60 <= held(page) <= 85


def test_saving_leaves_nothing_in_memory(visit):
    page = with_kept(visit, 300)
    before = held(page)
    page.uncheck("#mine")
    saved(page, "csv")
    assert held(page) <= before


def test_all_that_is_kept_is_counted_and_the_newest_are_shown(visit):
    page = with_kept(visit, 300)
    assert page.inner_text("#tally") == "Right 250 of 300 here; you corrected 50."
    shown = [record(number) for number in reversed(range(240, 300))]
    captions = [
        f"{each['guess']}" if each["label"] in (None, each["guess"]) else f"{each['label']}, read as {each['guess']}"
        for each in shown
    ]
    assert page.locator("#album span").all_inner_texts() == captions


@pytest.mark.parametrize("mine", [True, False])
def test_files_hold_all_that_is_kept_the_newest_first(visit, mine):
    page = with_kept(visit, 300)
    page.set_checked("#mine", mine)
    wanted = [each for each in map(record, reversed(range(300))) if not mine or each["label"] is not None]
    drawings = [drawn(each) for each in wanted]
    text = saved(page, "json")
    assert json.loads(text) == {"paper": 280, "drawings": drawings}
    assert text == page.evaluate("(text) => JSON.stringify(JSON.parse(text), null, 1) + '\\n'", text)
    header, *rows = csv.reader(io.StringIO(saved(page, "csv")))
    assert header == ["label", *(f"pixel{i}" for i in range(784))]
    assert rows == [
        [str(each["label"]), *[str(whole["when"] % 256)] * 784] for each, whole in zip(drawings, wanted, strict=True)
    ]


def test_an_album_that_loses_drawings_is_filled_up_from_what_is_kept(visit):
    page = with_kept(visit, 100)
    shown = page.evaluate(
        """async () => {
             const { History } = await import("/static/keep/history.js");
             const history = new History();
             await history.opened;
             const steps = [];
             for (let i = 0; i < 30; i++) {
               await history.change(history.newest[0].id, () => null);
               steps.push([history.counts.all, history.newest.slice(0, 60).map(({ when }) => when)]);
             }
             return steps; }"""
    )
    assert shown == [[left, list(range(left - 1, left - 61, -1))] for left in range(99, 69, -1)]


def test_a_browser_with_a_full_disk_holds_the_new_drawings_itself_and_saves_them_with_the_others(visit):
    page = with_kept(visit, 90)
    page.evaluate(REFUSE)
    page.evaluate(
        """async (records) => {
             const { History } = await import("/static/keep/history.js");
             const history = (window.own = new History());
             for (const each of records)
               await history.change(each.id, () => ({ ...each, pixels: new Uint8Array(784) }));
             await history.change(records[0].id, (before) => ({ ...before, label: 5 })); }""",
        [record(number) for number in range(80, 200)],
    )
    told = page.evaluate(
        """async () => {
             const all = [];
             await own.each(({ when }) => all.push(when));
             return [own.counts.all, own.newest.length, all.sort((a, b) => a - b)]; }"""
    )
    assert told == [200, 80, list(range(200))]
    assert page.evaluate("own.trouble").startswith("This browser does not keep them now")


def test_changes_that_follow_each_other_quickly_build_on_one_another(visit):
    page = with_kept(visit, 3)
    told = page.evaluate(
        """async (record) => {
             const { History } = await import("/static/keep/history.js");
             const history = new History();
             record.pixels = new Uint8Array(784);
             const redrawn = (guess) => (before) => ({ ...record, ...before, guess });
             const labelled = (label) => (before) => before && { ...before, label };
             const unlabelled = (before) => (before?.label === null ? null : undefined);
             const [id, other] = [record.id, "other"];
             await Promise.all([
               history.change(id, labelled(1)), // of nothing: there is none yet
               history.change(id, redrawn(2)),
               history.change(id, labelled(3)),
               history.change(id, redrawn(4)),
               history.change(id, unlabelled),
               history.change(other, () => ({ ...record, id: other })),
               history.change(other, unlabelled),
             ]);
             const all = [];
             await history.each(({ guess, label, when }) => all.push([when, guess, label]));
             return [history.counts, history.newest.map(({ when }) => when), all.sort((a, b) => a[0] - b[0])]; }""",
        record(4),
    )
    kept = [[each["when"], each["guess"], each["label"]] for each in map(record, range(3))]
    assert told == [{"all": 4, "labelled": 2, "corrected": 2}, [4, 2, 1, 0], [*kept, [4, 4, 3]]]


def test_a_drawing_that_is_kept_before_the_database_is_open_is_counted_once(visit):
    page = with_kept(visit, 5)
    told = page.evaluate(
        """async (record) => {
             const { History } = await import("/static/keep/history.js");
             const [history, later] = [new History(), new History()];
             await history.change(record.id, () => ({ ...record, pixels: new Uint8Array(784) }));
             await later.opened;
             const next = new History();
             await next.opened;
             return [history.counts.all, history.newest.length, next.counts.all]; }""",
        record(5),
    )
    assert told == [6, 6, 6]


def test_what_another_tab_keeps_is_saved_too_and_what_it_forgot_is_not_and_no_tab_counts_twice(visit):
    page = with_kept(visit, 4)
    told = page.evaluate(
        """async (record) => {
             const { History } = await import("/static/keep/history.js");
             const [one, other] = [new History(), new History()];
             await Promise.all([one.opened, other.opened]);
             const saved = async () => { let n = 0; await one.each(() => n++); return n; };
             await other.change(record.id, () => ({ ...record, pixels: new Uint8Array(784) }));
             const steps = [await saved()];
             await other.forgetAll();
             steps.push(await saved(), one.counts.all);
             await one.change(one.newest[0].id, (before) => before && { ...before, label: 5 });
             return [...steps, await saved(), one.counts.all]; }""",
        record(4),
    )
    assert told == [5, 0, 4, 1, 4]


def test_where_storage_is_forbidden_all_is_held_corrected_saved_and_forgotten(visit):
    page = visit(url="about:blank")
    page.add_init_script(
        "Object.defineProperty(window, 'indexedDB', { value: { open() { throw new DOMException('no'); } } });"
    )
    page.goto(visit.site)
    page.wait_for_selector("html[data-scripted]")
    for digit in (7, 2):
        if digit == 2:
            page.click("#clear")
        Hand(page).draw(DIGITS[digit])
        assert answered(page) == {7: "Seven", 2: "Two"}[digit]
        until(page, "document.querySelector('#labels button').disabled === false")
    page.keyboard.press("3")
    until(page, "document.getElementById('tally').textContent === 'Right 1 of 2 here; you corrected 1.'")
    unfold(page)
    assert page.inner_text("#kept").startswith("This browser does not keep them now")
    page.uncheck("#mine")
    assert [each["label"] for each in json.loads(saved(page, "json"))["drawings"]] == [3, 7]
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#forget")
    until(page, "document.getElementById('tally').textContent === 'Nothing kept yet.'")
    assert page.is_disabled("#csv")


def test_a_database_that_can_not_be_read_on_is_told_of_when_its_drawings_are_saved(visit):
    page = with_kept(visit, 3)
    page.uncheck("#mine")
    page.evaluate("() => { IDBObjectStore.prototype.openCursor = () => { throw new DOMException('gone'); }; }")
    assert json.loads(saved(page, "json")) == {"paper": 280, "drawings": []}
    until(page, "document.getElementById('kept').textContent.includes(\"can't be read and are left out\")")
