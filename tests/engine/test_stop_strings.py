"""Stop strings in text that comes in pieces."""

from hypothesis import given
from hypothesis import strategies as st

from service.engine.stop_strings import StopStrings

PIECES = st.lists(st.text("abc", max_size=4), max_size=12)
STOPS = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=3)


@given(PIECES, STOPS)
def test_the_text_ends_before_the_earliest_stop_string_however_it_is_cut(pieces: list[str], stops: list[str]) -> None:
    finder, text, stop = StopStrings(stops, include_in_output=False), "", None
    for piece in pieces:
        more, stop = finder.feed(piece)
        text += more
        if stop is not None:
            break
    else:
        text += finder.flush()
    whole = "".join(pieces)
    if stop is None:
        assert text == whole
        assert not any(each in whole for each in stops)
    else:
        assert whole.startswith(text + stop)
        assert not any(each in text for each in stops)


def test_nothing_that_may_become_a_stop_string_is_let_out() -> None:
    finder = StopStrings(["END"], include_in_output=True)
    assert finder.feed("tide E") == ("tide ", None)
    assert finder.feed("N") == ("", None)
    assert finder.feed("D.") == ("END", "END")
