"""The web chat in a real browser: small phone, tired person, bad line. SHOTS=folder keeps pictures for looking at."""

from __future__ import annotations

import json
import re
from importlib import resources, util

import pytest
from conftest import ROOT

if util.find_spec("playwright") is None:
    pytest.skip("playwright is not installed: pip install -e '.[dev]'", allow_module_level=True)

from browser import BROWSERS, FLAGS, PHONE, Frontdoor, Guest, find_browser, until
from playwright.sync_api import expect, sync_playwright

CUT = r"ERR_INTERNET_DISCONNECTED|ERR_CONNECTION|ERR_FAILED|ERR_INCOMPLETE|ERR_EMPTY"  # what a browser itself says of a cut line
CLOSED = r"status of 401"
FOUR_LOOKS = pytest.mark.parametrize(("language", "dark"), [("de", False), ("de", True), ("ar", False), ("ar", True)])
SEEN = "header *, main *:not(.unseen), footer *:not(.unseen)"
OUTSIDE = """all => all.map(each => [each.outerHTML, each.getBoundingClientRect()])
    .filter(([_, box]) => box.width > 0 && (box.left < -1 || box.right > innerWidth + 1)).map(([element]) => element)"""


@pytest.fixture(scope="module")
def browser():
    path = find_browser()
    if path is None:
        pytest.skip(f"no browser found ({', '.join(BROWSERS)}): apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def frontdoor(tmp_path_factory):
    frontdoor = Frontdoor(tmp_path_factory.mktemp("frontdoor"))
    frontdoor.start()
    yield frontdoor
    frontdoor.stop()


@pytest.fixture
def visit(browser, frontdoor, words):
    """Opens the chat for somebody. Afterwards: the browser complained of nothing but what is forgiven, and asked nobody but us."""
    guests = []

    def visit(language="de", *, path="", forgives="", **more):
        guest = Guest(browser, frontdoor, words, language, **more)
        guests.append((guest, forgives))
        return guest.come(path)

    yield visit
    for guest, forgives in guests:
        guest.context.close()
        assert [each for each in guest.complaints if not (forgives and re.search(forgives, each))] == []
        assert guest.hosts <= {frontdoor.host, "data:", "blob:"}


def kept_of(frontdoor, name):
    """Of the only one with this name."""
    found = [person for person in frontdoor.people() if person.get("newcomer.name") == name]
    assert len(found) == 1
    return found[0]


def fits(guest):
    """Nothing sticks out at the sides, so nobody has to scroll sideways."""
    assert guest.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert guest.page.eval_on_selector_all(SEEN, OUTSIDE) == []


# ---- a whole conversation ---------------------------------------------------------------------------------------------


@FOUR_LOOKS
def test_a_newcomer_says_everything_on_a_small_phone(visit, frontdoor, language, dark):
    guest = visit(language, dark=dark)
    look, name = f"{language}-{'dark' if dark else 'light'}", f"Probe {language} {dark}"

    def see(what):
        fits(guest)
        guest.shoot(f"{look}-{what}")

    guest.hears("welcome.language")
    see("start")
    guest.page.locator("#remember-no").click()
    guest.agrees()
    see("name")
    guest.answers(name, look=see)
    guest.press(".done")
    guest.hears("menu.choose")
    see("menu")
    expect(guest.page.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    assert set(guest.states()) == {"saved"}
    kept = kept_of(frontdoor, name)
    assert kept["finished"] == "yes"
    assert (kept["profile"], kept["announcements"]) == ("given", "refused")
    assert (kept["newcomer.wants"], kept["newcomer.can.what.1"], kept["newcomer.can.how-long.1"]) == ("job training", "Schweißerin", "to-10")
    assert (kept["newcomer.times"], kept["newcomer.more"]) == ("declined", "skipped")


def test_the_page_follows_the_bot_into_another_language(visit):
    guest = visit("de")
    guest.agrees()
    guest.write("/language")
    guest.hears("language.choose")
    guest.press("ar")
    guest.language = "ar"
    guest.hears("newcomer.name")
    page, words = guest.page, guest.words
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    expect(page.locator(".exit")).to_have_text(words.tr("web.exit", "ar"))
    expect(page.get_by_label(words.tr("web.message", "ar"))).to_be_visible()
    expect(page.get_by_role("button", name=words.tr("web.send", "ar"))).to_be_visible()
    expect(page.locator(".me .state").last).to_have_text(words.tr("web.saved", "ar"))
    box, whole = page.locator(".send").bounding_box(), page.viewport_size["width"]
    assert box["x"] < whole / 2  # on the left, where an Arabic line ends
    guest.shoot("language-switched")


def test_a_link_with_a_language_opens_the_page_in_it(visit):
    guest = visit("uk", path="?lang=uk&start=l-uk")
    guest.hears("welcome.language")
    expect(guest.page.locator("html")).to_have_attribute("lang", "uk")


# ---- a bad line -------------------------------------------------------------------------------------------------------


def test_what_is_written_while_the_line_is_cut_is_saved_in_order_and_once(visit, frontdoor):
    guest = visit("de", forgives=CUT)
    guest.agrees()
    before = frontdoor.updates()
    guest.context.set_offline(True)
    expect(guest.line).to_have_text(guest.words.tr("web.offline", "de"))
    guest.write("Probe Leitung")
    guest.write("Rostock")
    expect(guest.page.locator(".state.waiting")).to_have_count(2)
    expect(guest.own.last.locator(".state")).to_have_text(guest.words.tr("web.waiting", "de"))
    guest.shoot("offline")
    assert frontdoor.updates() == before
    guest.context.set_offline(False)
    guest.hears("newcomer.languages.language")
    expect(guest.page.locator(".state.waiting")).to_have_count(0)
    expect(guest.line).to_have_text(guest.words.tr("web.online", "de"))
    assert set(guest.states()) == {"saved"}
    assert frontdoor.updates() == before + 2
    assert kept_of(frontdoor, "Probe Leitung")["newcomer.town"] == "Rostock"


def test_an_answer_of_the_server_that_got_lost_saves_nothing_twice(visit, frontdoor):
    guest = visit("de", forgives=rf"{CUT}|status of 409")
    guest.agrees()
    before, said = frontdoor.updates(), []

    def lose_the_first_two(route):
        said.append(json.loads(route.request.post_data))
        answer = route.fetch()
        if len(said) <= 2:
            route.abort("connectionreset")
        else:
            route.fulfill(response=answer)

    guest.page.route("**/chat/say", lose_the_first_two)
    guest.write("Probe Antwort")
    guest.write("Rostock")
    guest.hears("newcomer.languages.language")
    until(lambda: set(guest.states()) == {"saved"})
    assert len({each["id"] for each in said}) == 2
    assert [each["value"] for each in said] == ["Probe Antwort"] * 3 + ["Rostock"]
    assert frontdoor.updates() == before + 2
    guest.page.unroute_all()


def test_a_message_is_not_called_saved_before_the_server_says_so(visit):
    guest = visit("de")
    guest.agrees()
    held = []
    guest.page.route("**/chat/say", lambda route: held.append(route))
    guest.write("Probe Geduld")
    expect(guest.own.last.locator(".state")).to_have_text(guest.words.tr("web.sending", "de"))
    expect(guest.own.last.locator(".state")).to_have_text(guest.words.tr("web.waiting", "de"))  # after two seconds
    held[0].continue_()
    expect(guest.own.last.locator(".state")).to_have_text(guest.words.tr("web.saved", "de"))
    guest.page.unroute_all()


def test_a_server_that_is_killed_loses_nothing(visit, frontdoor):
    guest = visit("de", forgives=rf"{CUT}|status of 409")  # what was saved as it was killed is handed in once more
    guest.agrees()
    frontdoor.kill()
    guest.write("Probe Absturz")
    guest.write("Rostock")
    expect(guest.line).to_have_text(guest.words.tr("web.offline", "de"))
    frontdoor.start()
    guest.hears("newcomer.languages.language")
    until(lambda: set(guest.states()) == {"saved"})
    assert kept_of(frontdoor, "Probe Absturz")["newcomer.town"] == "Rostock"


def test_who_is_too_fast_is_told_calmly_and_need_not_send_again(visit):
    guest = visit("de", forgives=r"status of 429")
    guest.agrees()
    told = []

    def slow_down(route):
        told.append(route)
        if len(told) == 1:
            route.fulfill(status=429, headers={"Retry-After": "1"}, json={"error": "That was fast."})
        else:
            route.continue_()

    guest.page.route("**/chat/say", slow_down)
    guest.write("Probe Eile")
    expect(guest.line).to_have_text(guest.words.tr("web.slower", "de"))
    guest.hears("newcomer.town")
    expect(guest.line).to_be_empty()
    guest.page.unroute_all()


def test_a_refused_message_says_so_and_blocks_nothing(visit):
    guest = visit("de", forgives=r"status of 400")
    guest.agrees()
    guest.page.route("**/chat/say", lambda route: route.fulfill(status=400, json={"error": "No."}), times=1)
    guest.write("Probe Ablehnung")
    expect(guest.own.last.locator(".state.refused")).to_have_text(guest.words.tr("web.refused", "de"))
    guest.write("Probe Zweitversuch")
    guest.hears("newcomer.town")
    expect(guest.own.last.locator(".state")).to_have_text(guest.words.tr("web.saved", "de"))


def test_the_browser_warns_only_while_something_is_unsaved(visit):
    guest = visit("de", forgives=CUT)
    guest.agrees()
    asked = []
    guest.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    until(lambda: set(guest.states()) == {"saved"})  # the next question may come before the word that the press is saved
    guest.page.reload()
    guest.hears("newcomer.name")
    assert asked == []
    guest.page.route("**/chat/say", lambda route: None)
    guest.write("Probe Warnung")
    with guest.page.expect_event("close"):
        guest.page.close(run_before_unload=True)
    assert asked == ["beforeunload"]


def test_a_reload_asks_the_same_question_again_and_doubles_nothing(visit, frontdoor):
    guest = visit("de")
    guest.agrees()
    guest.write("Probe Neuladen")
    guest.hears("newcomer.town")
    for _ in range(2):
        until(lambda: frontdoor.waiting() == 0)  # what the page has not confirmed is shown once more, and rightly so
        guest.page.reload()
        guest.hears("newcomer.town")
        assert guest.page.locator("#log > article", has_text=guest.says("newcomer.town")).count() == 1
        assert guest.page.locator("#log > article", has_text=guest.says("welcome.language")).count() == 0
    guest.write("Rostock")
    guest.hears("newcomer.languages.language")
    assert kept_of(frontdoor, "Probe Neuladen")["newcomer.town"] == "Rostock"


# ---- away, and the end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["button", "keyboard"])
def test_the_quick_exit_leaves_nothing_behind(visit, frontdoor, how):
    guest = visit("de")
    guest.agrees()
    guest.write("Probe Ausgang")
    guest.hears("newcomer.town")
    cookies = {each["name"]: each["value"] for each in guest.context.cookies()}
    if how == "button":
        guest.page.locator(".exit").click()
    else:
        for _ in range(3):
            guest.page.keyboard.press("Escape")
    guest.page.wait_for_url("**/calendar")
    guest.shoot("calendar")
    assert "frontdoor" not in guest.page.content().lower()
    assert guest.words.tr("web.exit", "de") not in guest.page.content()
    until(lambda: guest.context.cookies() == [])
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    replayed = guest.context.request.get(f"{frontdoor.url}/chat/letters", headers={"Cookie": header})
    assert replayed.status == 401
    guest.page.go_back()
    expect(guest.page.get_by_text("Probe Ausgang")).to_have_count(0)
    assert "/chat" not in guest.page.url


def test_the_quick_exit_and_a_human_being_are_there_without_javascript(visit, programme):
    guest = visit("de", java_script_enabled=False)
    expect(guest.page.locator("noscript p")).to_be_visible()
    expect(guest.page.locator("noscript p")).to_contain_text(programme.contact)
    expect(guest.page.locator("#text")).to_be_hidden()
    guest.shoot("no-script")
    guest.page.locator(".exit").click()
    guest.page.wait_for_url("**/calendar")
    expect(guest.page.locator("td[aria-current]")).to_have_count(1)


def test_an_ended_session_wipes_the_page_says_so_kindly_and_may_begin_again(visit, frontdoor):
    guest = visit("de", forgives=CLOSED)
    guest.agrees()
    guest.write("Probe Ende")
    guest.hears("newcomer.town")
    frontdoor.make_idle(1900)
    guest.write("Rostock")
    expect(guest.page.locator("#ended")).to_be_visible()
    expect(guest.page.locator("#ended")).to_contain_text(guest.words.tr("web.ended-unsaved", "de"))
    expect(guest.page.locator("#ended-why")).to_be_focused()
    assert guest.page.locator("#log").inner_html() == ""
    expect(guest.page.get_by_text("Probe Ende")).to_have_count(0)
    guest.shoot("ended")
    guest.page.locator("#again").click()
    guest.hears("welcome.language")
    expect(guest.page.locator("#ended")).to_be_hidden()
    guest.press("de")
    guest.hears("join.age")


def test_leaving_in_one_tab_closes_the_other_at_once(visit):
    guest = visit("de", forgives=CLOSED)
    guest.agrees()
    other = guest.new_page()
    other.goto(guest.page.url)
    other.locator("#log > article").last.wait_for()
    other.locator(".exit").click()
    expect(guest.page.locator("#ended")).to_be_visible()
    assert guest.page.locator("#log").inner_html() == ""


def test_the_last_word_after_erasing_everything_can_be_read(visit):
    guest = visit("de", forgives=CLOSED)
    guest.agrees()
    guest.write("/forget")
    guest.hears("forget.sure")
    with guest.page.expect_response("**/chat/seen"):
        guest.press("yes")
    guest.hears("forget.bye")
    guest.write("Hallo?")
    expect(guest.page.locator("#ended")).to_be_visible()


def test_a_cookie_of_a_closed_chat_is_met_with_the_notice_and_not_with_silence(visit, frontdoor):
    guest = visit("de", forgives=CLOSED)
    with guest.page.expect_response("**/chat/seen"):  # or it would be the first to meet the closed door, and lose the cookie there
        guest.agrees()
    until(lambda: guest.page.evaluate("shown.length") == 0)
    frontdoor.make_idle(1900)
    guest.page.reload()
    expect(guest.page.locator("#ended")).to_be_visible()
    expect(guest.page.locator("#ended-unsaved")).to_be_hidden()
    guest.page.locator("#again").click()
    guest.hears("welcome.language")


# ---- this device ------------------------------------------------------------------------------------------------------


def test_nothing_is_kept_in_the_browser_but_a_cookie_that_scripts_cannot_read(visit):
    guest = visit("de")
    address = guest.page.url
    guest.agrees()
    guest.write("Probe Speicher")
    guest.hears("newcomer.town")
    kept = guest.page.evaluate(
        "async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length, (await caches.keys()).length, document.cookie, history.state]"
    )
    assert kept == [0, 0, 0, 0, "", None]
    assert [(each["httpOnly"], each["sameSite"], each["expires"]) for each in guest.context.cookies()] == [(True, "Strict", -1)]
    assert guest.page.url == address


def test_a_device_is_remembered_only_when_somebody_says_so_and_may_change_their_mind(visit):
    guest = visit("de")
    strip, toggle = guest.page.locator("#remember"), guest.page.locator("#device")
    guest.hears("welcome.language")
    expect(strip).to_be_visible()
    guest.page.locator("#remember-yes").click()
    expect(strip).to_be_hidden()
    expect(guest.line).to_have_text(guest.words.tr("web.remembered", "de"))
    assert guest.context.cookies()[0]["expires"] > 0
    guest.page.reload()
    guest.hears("welcome.language")
    expect(strip).to_be_hidden()  # offered once
    toggle.click()
    expect(strip).to_be_visible()
    expect(guest.page.locator("#remember-yes")).to_have_attribute("aria-pressed", "true")
    expect(guest.page.locator("#remember-no")).to_be_focused()
    guest.page.locator("#remember-no").click()
    expect(strip).to_be_hidden()
    expect(toggle).to_be_focused()
    assert guest.context.cookies()[0]["expires"] == -1


# ---- hands, eyes and ears ---------------------------------------------------------------------------------------------


def test_a_whole_choice_goes_by_keyboard_alone(visit):
    guest = visit("de", touch=False, viewport={"width": 1100, "height": 800})
    guest.hears("welcome.language")
    keys, page = guest.page.keyboard, guest.page

    def tab_to(code):
        for _ in range(40):
            if page.evaluate("document.activeElement.matches('[aria-disabled=true]') ? '' : document.activeElement.value || ''").endswith(f":{code}"):
                assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
                return
            keys.press("Tab")
        raise AssertionError(code)

    for code, then in (("de", "join.age"), ("yes", "join.keep"), ("yes", "join.news"), ("no", "join.role"), ("newcomer", "newcomer.name")):
        tab_to(code)
        keys.press("Enter")
        guest.hears(then)
    expect(page.locator("#text")).to_be_focused()  # words are asked for, and there is no phone whose keyboard would pop up
    keys.type("Probe Tastatur")
    keys.press("Enter")
    guest.hears("newcomer.town")
    keys.type("Rostock")
    keys.press("Enter")
    guest.hears("newcomer.languages.language")
    keys.type("Deutsch")  # a label counts as its button
    keys.press("Enter")
    guest.hears("newcomer.languages.level")
    keys.press("Shift+Tab")
    tab_to("fluent")
    keys.press("Enter")
    guest.hears("newcomer.languages.another")
    tab_to(".enough")
    keys.press("Enter")
    guest.hears("newcomer.wants")
    tab_to("training")
    keys.press("Space")
    guest.newest.locator(".state.saved").wait_for()
    assert page.evaluate("document.activeElement.value").endswith(":training")  # the focus stays where the finger is
    expect(guest.button("training")).to_have_attribute("aria-pressed", "true")
    tab_to(".done")
    keys.press("Enter")
    guest.hears("newcomer.can.what")
    guest.shoot("desktop")


@pytest.mark.parametrize(("language", "dark"), [("de", False), ("ar", True)])
def test_a_day_is_pressed_in_a_calendar_of_seven_columns(visit, language, dark):
    guest = visit(language, viewport={"width": 360, "height": 800}, dark=dark)
    guest.agrees()
    guest.write("/more")
    guest.hears("modules.choose")
    guest.press("support")
    guest.hears("support.help")
    guest.press("cv")
    guest.press(".done")
    guest.hears("support.start")
    before = guest.newest.locator(".cell").first.inner_text()
    guest.press(".later")
    guest.page.locator("#log > article:last-of-type .cell").first.filter(has_not_text=before).wait_for()
    assert guest.page.evaluate("document.activeElement.value").endswith(".later"), "who turns by keyboard stays where they are"
    assert guest.newest.locator(".week button:enabled").count() >= 28
    fits(guest)
    guest.shoot(f"calendar-{language}")
    assert {guest.newest.locator(".week").nth(at).locator("> *").count() for at in range(guest.newest.locator(".week").count())} == {7}
    sizes = guest.page.eval_on_selector_all(".week button", "all => all.map(each => each.getBoundingClientRect()).map(box => [box.width, box.height])")
    assert all(width >= 38 and height >= 40 for width, height in sizes), "for a thumb"
    day = guest.newest.locator(".week button", has_text="15")
    told = day.get_attribute("aria-label")
    assert "15" in told
    assert len(told) > 8, "a screen reader hears the whole date"
    day.click()
    guest.hears("support.hours")
    assert told in guest.own.last.inner_text()


def test_older_buttons_step_back(visit):
    guest = visit("de")
    guest.hears("welcome.language")
    first = guest.page.locator("#log > article").first
    guest.press("de")
    guest.hears("join.age")
    expect(first.locator(".row button[aria-disabled=true]")).to_have_count(4)
    guest.page.locator("#text").focus()
    expect(first.locator(".row button:disabled")).to_have_count(4)
    expect(guest.newest.locator(".row button:enabled")).to_have_count(2)


def test_a_long_message_is_shown_from_its_beginning(visit):
    guest = visit("de")
    guest.hears("welcome.language")
    guest.press("de")
    guest.hears("join.age")
    guest.press("yes")
    guest.hears("join.keep")
    assert guest.newest.bounding_box()["height"] > PHONE["height"]
    head = guest.page.locator("header").bounding_box()["height"]
    until(lambda: head <= guest.newest.locator(".words").bounding_box()["y"] < head + 40)
    guest.shoot("consent")


def test_a_phone_keyboard_never_pops_up_by_itself(visit):
    guest = visit("de")
    guest.agrees()
    expect(guest.page.locator("#text")).not_to_be_focused()


def test_words_are_shown_as_words_and_only_web_addresses_become_links(visit):
    guest = visit("de")
    guest.agrees()
    guest.write("<img src=x onerror=alert(1)> (https://frontdoor.example/a?b=c&d), javascript:alert(1)")
    own = guest.own.last
    expect(own.locator(".words")).to_have_text("<img src=x onerror=alert(1)> (https://frontdoor.example/a?b=c&d), javascript:alert(1)")
    assert own.locator("a").evaluate_all("all => all.map(each => [each.href, each.rel, each.target])") == [
        ["https://frontdoor.example/a?b=c&d", "noopener noreferrer", "_blank"]
    ]
    assert own.locator("img").count() == 0


def test_a_command_in_a_message_can_be_pressed(visit):
    guest = visit("ar")
    guest.agrees()
    guest.write("/help")
    guest.hears("help.text")
    guest.newest.get_by_role("button", name="/language", exact=True).click()
    guest.hears("language.choose")


def test_my_data_can_be_saved_as_a_file(visit):
    guest = visit("ar")
    guest.agrees()
    guest.write("Probe Daten")
    guest.hears("newcomer.town")
    guest.write("/mydata")
    with guest.page.expect_download() as download:
        guest.page.locator(".file").click()
    assert download.value.suggested_filename == "my-data.json"
    assert "Probe Daten" in download.value.path().read_text("utf-8")


def test_a_screen_reader_hears_who_speaks_and_is_not_told_its_own_words_again(visit):
    guest = visit("de")
    guest.agrees()
    log = guest.page.get_by_role("log")
    expect(log).to_have_attribute("aria-live", "polite")
    assert set(log.locator("> .me").evaluate_all("all => all.map(each => each.getAttribute('aria-live'))")) == {"off"}
    assert set(log.locator("> .me > .unseen").all_inner_texts()) == {guest.words.tr("web.you", "de")}
    assert set(log.locator("> .bot > .unseen").all_inner_texts()) == {guest.words.tr("web.bot", "de")}
    expect(guest.newest.get_by_role("group")).to_have_accessible_name(re.compile(re.escape(guest.says("newcomer.name"))))


@pytest.mark.parametrize(("width", "height", "size"), [(320, 568, "100%"), (360, 640, "200%"), (180, 320, "100%"), (1280, 800, "100%")])
@pytest.mark.parametrize("language", ["uk", "ar"])
def test_it_fits_a_narrow_phone_a_doubled_one_and_a_desk(visit, language, width, height, size):
    guest = visit(language, viewport={"width": width, "height": height}, device_scale_factor=2 if width == 180 else 1)
    guest.page.evaluate("size => { document.documentElement.style.fontSize = size; }", size)
    guest.hears("welcome.language")
    fits(guest)
    guest.agrees()
    fits(guest)
    guest.write("Probe Donaudampfschifffahrtsgesellschaftskapitänsmütze")
    guest.hears("newcomer.town")
    fits(guest)
    guest.shoot(f"{language}-{width}-{size.rstrip('%')}")


def test_everything_that_is_pressed_is_large_enough_for_a_thumb(visit):
    guest = visit("de")
    guest.hears("welcome.language")
    sizes = "all => all.filter(each => each.offsetParent).map(each => [each.offsetWidth, each.offsetHeight, each.textContent])"
    assert [each for each in guest.page.eval_on_selector_all("button:not(.command), textarea", sizes) if min(each[:2]) < 44] == []
    guest.agrees()
    guest.write("/help")
    guest.hears("help.text")
    assert [each for each in guest.page.eval_on_selector_all(".command", sizes) if min(each[:2]) < 24] == []  # inside a sentence (WCAG 2.2, 2.5.8)


@FOUR_LOOKS
def test_axe_finds_nothing(visit, language, dark):
    if util.find_spec("axe_playwright_python") is None:
        pytest.skip("axe-playwright-python is not installed: pip install -e '.[dev]'")
    source = (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    guest = visit(language, dark=dark, forgives=CLOSED)

    def check(_=""):
        guest.page.evaluate(source)
        result = guest.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert [(each["id"], each["help"], [node["html"] for node in each["nodes"]]) for each in result["violations"]] == []

    guest.hears("welcome.language")
    check()
    guest.agrees()
    check()
    guest.answers("Probe Axt", look=check)
    guest.frontdoor.make_idle(1900)
    guest.press(".done")
    expect(guest.page.locator("#ended")).to_be_visible()
    check()
    guest.page.locator(".exit").click()
    guest.page.wait_for_url("**/calendar")
    check()


def test_the_page_is_small_enough_for_a_slow_line():
    assert sum(path.stat().st_size for path in (ROOT / "bot/web/static").iterdir()) < 32 * 1024
