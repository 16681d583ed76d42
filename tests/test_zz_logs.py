"""Runs last: the whole suite has logged at DEBUG, and no canary is in it."""

from test_secrets import search_the_log


def test_no_log_line_of_the_whole_suite_holds_a_canary():
    search_the_log()
