"""The page in a real Chromium, on the real API, with the other processes played by the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from billiards_trainer import messages as m
from tests.web.browser import PHONE, Browser
from tests.web.stage import Stage

pytestmark = pytest.mark.browser

CUE = m.BallState(track=1, label="cue", x_m=0.635, y_m=0.635, x_px=160, y_px=180, radius_px=8)
NINE = m.BallState(track=2, label="9", x_m=0.3, y_m=1.9, x_px=480, y_px=100, radius_px=8)
AIM = m.Prediction(
    frame=1,
    exposure_ns=0,
    speed=2.4,
    angle_rad=1.0,
    target="9",
    target_track=2,
    cut_angle_rad=-0.4,
    pot_probability=0.82,
    paths=(
        m.PathPiece(
            label="9", track=2, points=((0.3, 1.9), (0, 2.54)), end="pocketed", pocket="far-left"
        ),
    ),
)
LIVE = "document.querySelector('[data-freshness=live]')"


def text(browser: Browser, selector: str) -> str:
    return str(browser.evaluate(f"document.querySelector({selector!r})?.innerText"))


def places(browser: Browser) -> dict[str, list[float]]:
    """Where each ball is drawn, as shares of the table drawing's width and height."""
    found: dict[str, list[float]] = browser.evaluate(
        """(() => {
          const sheet = document.querySelector('.play').getBoundingClientRect();
          return Object.fromEntries([...document.querySelectorAll('[data-ball]')].map((ball) => {
            const box = ball.querySelector('circle:nth-of-type(2)').getBoundingClientRect();
            const middle = [box.x + box.width / 2 - sheet.x, box.y + box.height / 2 - sheet.y];
            return [ball.dataset.ball, [middle[0] / sheet.width, middle[1] / sheet.height]];
          }));
        })()"""
    )
    return found


def test_shows_the_live_table(browser: Browser, stage: Stage) -> None:
    scene = (m.Line(points=((0.635, 0.635), (0.3, 1.9)), colour="#ffcc00"),)
    with stage.playing(CUE, NINE, elements=scene, game={"phase": "aiming", "prediction": AIM}):
        browser.open(stage.url)
        browser.wait(LIVE)
        assert browser.evaluate("document.querySelectorAll('[data-ball]').length") == 2
        drawn = places(browser)
        assert browser.evaluate("document.querySelector('.scene path').getAttribute('stroke')") == (
            "#ffcc00"
        )
        shown = browser.evaluate("document.querySelector('.shot').innerText")
        assert browser.wait("document.querySelector('img')?.naturalWidth") == 640
        assert browser.evaluate("document.querySelectorAll('[data-seen]').length") == 2
        browser.wait("/\\d/.test(document.querySelector('[data-measure=flip]').innerText)")
        browser.wait("/\\d/.test(document.querySelector('[data-measure=page]').innerText)")
    # Landscape: the head at the left, x downwards; the rails take 0.15 m on each side.
    length, width, border = 2.54, 1.27, 0.15
    for ball in (CUE, NINE):
        share = [
            (ball.y_m + border) / (length + 2 * border),
            (ball.x_m + border) / (width + 2 * border),
        ]
        assert drawn[ball.label] == pytest.approx(share, abs=0.004)
    for word in ("82", "far left pocket", "23", "2.4"):
        assert word in shown
    # Neither the Content-Security-Policy nor the page's own code has anything to say.
    assert browser.complaints() == []


@pytest.mark.parametrize(
    ("kind", "word"),
    [("simulated", "VIRTUAL TABLE"), ("film", "FILM"), ("v4l2", "Live camera")],
)
def test_says_what_it_shows(browser: Browser, stage: Stage, kind: str, word: str) -> None:
    source = m.SourceInfo.model_validate({"kind": kind, "name": "somewhere"})
    with stage.playing(CUE, table={"source": source}):
        browser.open(stage.url)
        browser.wait_for_text(word, ".strip")
        loud = browser.evaluate("document.querySelector('.strip').classList.contains('loud')")
    assert loud == (kind != "v4l2")


def test_greys_what_is_old_and_says_how_old(browser: Browser, stage: Stage) -> None:
    with stage.playing(CUE):
        browser.open(stage.url)
        browser.wait(LIVE)
    browser.wait_for_text("Not live", ".stage")
    assert "ago" in text(browser, ".veil")
    greyed = browser.evaluate("getComputedStyle(document.querySelector('.drawing')).filter")
    assert "grayscale" in greyed
    with stage.playing(CUE):
        browser.wait(LIVE)
    assert browser.evaluate("document.querySelector('.veil')") is None


def test_finds_the_appliance_again(browser: Browser, runtime_dir: Path, free_port: int) -> None:
    with Stage(runtime_dir, free_port) as first, first.playing(CUE):
        browser.open(first.url)
        browser.wait(LIVE)
        browser.evaluate("window.sameDocument = true")
    browser.wait_for_text("Connection lost")
    browser.wait_for_text("Not live", ".stage")
    assert text(browser, ".health").strip().endswith("Offline")
    with Stage(runtime_dir, free_port) as second, second.playing(CUE, NINE):
        browser.wait("document.querySelectorAll('[data-ball]').length === 2")
        browser.wait(LIVE)
        browser.wait("document.querySelector('img')?.naturalWidth")
        assert "Connection lost" not in text(browser, "body")
    assert browser.evaluate("window.sameDocument") is True


def test_reloads_once_for_another_schema(browser: Browser, stage: Stage) -> None:
    with stage.playing(CUE):
        browser.open(stage.url)
        browser.wait(LIVE)
        browser.evaluate("window.sameDocument = true")
    with stage.playing(CUE, table={"schema_number": m.SCHEMA + 1}):
        browser.wait("window.sameDocument === undefined")
        browser.wait_for_text("does not understand it yet")
        browser.evaluate("window.sameDocument = true")
        stage.show(CUE, table={"schema_number": m.SCHEMA + 1})
        browser.wait_for_text("does not understand it yet")
        assert browser.evaluate("window.sameDocument") is True


def test_sets_the_assistance(browser: Browser, stage: Stage) -> None:
    with stage.playing(CUE):
        browser.open(stage.url)
        browser.wait("document.querySelector('input[value=beginner]')?.checked")
        browser.click("label:has(input[value=advanced])")
        browser.wait("!document.querySelector('fieldset').disabled")
        wait_until_asked(browser, stage, "game.assistance")
        assert ("game.assistance", m.AssistanceRequest(level="advanced")) in stage.asked
        # The game did not take it over: the page shows what is in force, not what was wished.
        browser.wait("document.querySelector('input[value=beginner]').checked")


def test_shows_the_sentence_of_a_refusal(browser: Browser, stage: Stage) -> None:
    sentence = "Colours cannot be learnt while somebody leans over the table."
    stage.refusals["calibration.colours"] = sentence
    with stage.playing(CUE):
        browser.open(stage.url)
        browser.wait_for_text("1.4 mm")
        browser.click("text=Calibrate colours")
        browser.wait_for_text(sentence)
        browser.click("[aria-label=Dismiss]")
        assert sentence not in text(browser, "body")
        browser.click("text=Calibrate camera")
        browser.wait_for_text("The camera is calibrated.")


def test_a_new_game_is_begun_only_after_asking(browser: Browser, stage: Stage) -> None:
    with stage.playing(CUE):
        browser.open(stage.url)
        browser.wait(LIVE)
        browser.click("text=New game")
        browser.wait_for_text("Begin a new game?", "dialog")
        browser.press("Escape")
        browser.wait("document.querySelector('dialog') === null")
        browser.click("text=New game")
        browser.click("dialog button:has-text('Cancel')")
        browser.wait("document.querySelector('dialog') === null")
        assert "game.reset" not in [name for name, _ in stage.asked]
        browser.click("text=New game")
        browser.click("dialog button.danger")
        browser.wait_for_text("A new game has begun.")
        wait_until_asked(browser, stage, "game.reset")


def test_ticks_a_shot_only_when_it_is_recorded(browser: Browser, stage: Stage) -> None:
    shot = m.ShotSummary(number=12, potted=("9",), cue_speed=2.3, error_mm=6.4, error_rad=-0.02)
    with stage.playing(CUE, game={"last_shot": shot, "shots": 12, "potted": ("9",)}):
        browser.open(stage.url)
        browser.wait_for_text("Last shot: no. 12")
        assert browser.evaluate("document.querySelector('[data-recorded]')") is None
    recorded = shot.model_copy(update={"recorded": True, "shot_id": "a"})
    with stage.playing(CUE, game={"last_shot": recorded, "shots": 12, "potted": ("9",)}):
        browser.wait("document.querySelector('[data-recorded]')")
        words = text(browser, ".row")
    for word in ("6", "mm", "1.1", "2.3", "12 shots"):
        assert word in words


def test_tells_what_happens_in_a_shot(browser: Browser, stage: Stage) -> None:
    def event(sequence: int, kind: m.EventKind, *labels: str, pocket: str = "") -> m.ShotEvent:
        return m.ShotEvent(
            frame=sequence, exposure_ns=sequence, epoch=1, sequence=sequence, kind=kind,
            t=0.1 * sequence, labels=labels, x_m=0.5, y_m=1.0, pocket=pocket or None,
        )  # fmt: skip

    told = (
        event(1, m.EventKind.SHOT_START, "cue"),
        event(2, m.EventKind.BALL_COLLISION, "cue", "9"),
        event(3, m.EventKind.CUSHION_COLLISION, "cue"),
        event(4, m.EventKind.POCKETED, "9", pocket="far-right"),
    )
    # The third is lost on its way to the API, which asks core for it.
    snapshot = m.GameState(frame=1, exposure_ns=1, epoch=1, shot_events=told)
    stage.replies["game.snapshot"] = snapshot
    with stage.playing(CUE, game={"phase": m.Phase.SHOT}):
        browser.open(stage.url)
        browser.wait(LIVE)
        for one in (told[0], told[1], told[3]):
            stage.say("shot.event", one)
        browser.wait("document.querySelector('[data-event=cushion_collision]')")
        shown = "[...document.querySelectorAll('[data-event]')].map((e) => e.dataset.event)"
        assert browser.evaluate(shown) == ["ball_collision", "cushion_collision", "pocketed"]
        browser.wait_for_text("far right pocket", "[data-event=pocketed]")
        browser.wait_for_text("Now rolling")


def test_tells_what_is_wrong(browser: Browser, stage: Stage) -> None:
    broken = m.ModuleStatus(
        status=m.Level.UNHEALTHY, state="BACKOFF", restarts=3, detail="the camera does not answer"
    )
    alert = m.Alert(
        epoch=1, sequence=1, raised_ns=0, severity="ERROR", name="camera", text="No picture comes."
    )
    browser.open(stage.url)
    browser.wait("document.querySelector('.health')?.innerText.includes('Waiting')")
    stage.report(status=m.Level.UNHEALTHY, modules={"vision": broken})
    stage.say("system.alert", alert)
    browser.wait("document.querySelector('.health').dataset.level === 'UNHEALTHY'")
    module = text(browser, "[data-module=vision]")
    assert "the camera does not answer" in module
    assert "3 restarts" in module
    browser.wait_for_text("No picture comes.", "[data-severity=ERROR]")
    stage.say("system.alert", alert.model_copy(update={"sequence": 2, "active": False}))
    browser.wait_for_text("Nothing needs attention.")
    assert browser.evaluate("document.querySelector('details li').textContent") == alert.text


def test_rests_while_nobody_looks(browser: Browser, stage: Stage) -> None:
    def look(visible: bool) -> None:
        browser.evaluate(
            "Object.defineProperty(document, 'hidden',"
            f" {{ value: {'false' if visible else 'true'}, configurable: true }}),"
            " document.dispatchEvent(new Event('visibilitychange'))"
        )

    with stage.playing(CUE):
        browser.open(stage.url)
        browser.wait(LIVE)
        look(visible=False)
        browser.wait_for_text("Not live", ".stage")
        assert browser.evaluate("document.querySelector('.picture img')") is None
        look(visible=True)
        browser.wait(LIVE)
        browser.wait("document.querySelector('.picture img')?.naturalWidth")
        assert "Connection lost" not in text(browser, "body")


def test_fits_a_phone(browser: Browser, stage: Stage) -> None:
    with stage.playing(CUE, NINE, game={"phase": "aiming", "prediction": AIM}):
        browser.open(stage.url, PHONE)
        browser.wait(LIVE)
        box = browser.evaluate("document.querySelector('.play').getBoundingClientRect().toJSON()")
        assert box["height"] > box["width"]
        for view in ("camera", "shots", "system", "table"):
            browser.click(f"nav a[href='#{view}']")
            browser.wait(f"document.querySelector('nav [aria-current]').hash === '#{view}'")
            wide = browser.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, view
            shown = browser.evaluate(
                "[...document.querySelectorAll('[data-view]')]"
                ".filter((e) => e.checkVisibility()).map((e) => e.dataset.view)"
            )
            assert set(shown) == {view}
            small = browser.evaluate(
                "[...document.querySelectorAll('button, nav a, label, summary')]"
                ".filter((e) => e.checkVisibility())"
                ".filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.outerHTML)"
            )
            assert small == []


def test_is_worked_with_the_keyboard(browser: Browser, stage: Stage) -> None:
    with stage.playing(CUE):
        browser.open(stage.url)
        browser.wait(LIVE)
        browser.press("Tab")
        assert browser.evaluate("document.activeElement.textContent") == "Skip to the table"
        browser.evaluate("document.querySelector('input[value=beginner]').focus()")
        browser.press("ArrowRight")
        wait_until_asked(browser, stage, "game.assistance")
    landmarks = "['header.top', 'main', 'nav', 'h1'].every((s) => document.querySelector(s))"
    assert browser.evaluate(landmarks)
    unnamed = browser.evaluate(
        "[...document.querySelectorAll('button, a, input')].filter((e) => !(e.ariaLabel"
        " || e.textContent.trim() || e.labels?.[0]?.textContent.trim())).map((e) => e.outerHTML)"
    )
    assert unnamed == []


def test_is_light_and_stands_still_while_it_loads(browser: Browser, stage: Stage) -> None:
    with stage.playing(CUE, NINE):
        browser.open(stage.url)
        browser.wait(LIVE)
        shift = browser.evaluate(
            """new Promise((done) => {
              new PerformanceObserver((list) =>
                done(list.getEntries().reduce((sum, e) => sum + e.value, 0)),
              ).observe({ type: 'layout-shift', buffered: true });
              setTimeout(() => done(0), 500);
            })"""
        )
        files = browser.evaluate(
            "performance.getEntriesByType('resource').filter((e) => e.name.includes('/assets/'))"
            ".map((e) => e.decodedBodySize)"
        )
    assert shift < 0.05
    assert len(files) == 2
    assert sum(files) < 300_000


def wait_until_asked(browser: Browser, stage: Stage, command: str) -> None:
    for _ in range(100):
        if command in [name for name, _ in stage.asked]:
            return
        browser.evaluate("new Promise((done) => setTimeout(done, 50))")
    raise AssertionError(f"{command} was not asked; only {stage.asked}")


def test_a_person_says_which_ball_it_is(browser: Browser, stage: Stage) -> None:
    with stage.playing(CUE, NINE):
        browser.open(stage.url)
        browser.wait(LIVE)
        browser.click(".correct")
        browser.click("[aria-label='9 ball'] >> nth=0")
        assert browser.evaluate("document.querySelectorAll('dialog [data-choice]').length") == 18
        browser.click("[data-choice='10']")
        browser.wait_for_text("Put right: 9 ball now the 10 ball.")
        assert not browser.evaluate("document.querySelector('.bar')")
    expected = m.BallCorrection(track=2, epoch=1, label="10")
    assert [q for n, q in stage.asked if n == "vision.correct_ball"] == [expected]


def test_a_finger_says_where_a_ball_lies(browser: Browser, stage: Stage) -> None:
    def tap(ball: str) -> None:
        # Beside the ball's middle: a finger is not that exact.
        browser.evaluate(
            f"""(() => {{
              const box = document.querySelector('[data-ball="{ball}"]').getBoundingClientRect();
              const at = {{ clientX: box.x + box.width / 2 + 6, clientY: box.y + box.height / 2 }};
              document.querySelector('.play').dispatchEvent(
                new MouseEvent('click', {{ bubbles: true, ...at }}));
            }})()"""
        )

    with stage.playing(CUE, NINE):
        browser.open(stage.url, PHONE)
        browser.wait(LIVE)
        browser.click(".correct")
        tap("9")
        browser.click("[data-choice='place']")
        browser.wait_for_text("Tap where this ball really lies.")
        tap("cue")
        browser.wait_for_text("Put right: 9 ball moved.")
    (asked,) = [q for n, q in stage.asked if n == "vision.correct_ball"]
    assert isinstance(asked, m.BallCorrection)
    assert asked.track == 2
    assert asked.position_m == pytest.approx((CUE.x_m, CUE.y_m), abs=0.06)


def test_what_cannot_be_put_right_is_said(browser: Browser, stage: Stage) -> None:
    stage.refusals["vision.correct_ball"] = "this ball is no longer tracked"
    with stage.playing(CUE, NINE):
        browser.open(stage.url)
        browser.wait(LIVE)
        browser.click(".correct")
        browser.press("Escape")
        browser.click("[aria-label='9 ball'] >> nth=0")
        browser.press("Escape")
        browser.wait("!document.querySelector('dialog')")
        browser.click(".correct")
        browser.click("[aria-label='9 ball'] >> nth=0")
        browser.click("[data-choice='absent']")
        browser.wait_for_text("this ball is no longer tracked")
