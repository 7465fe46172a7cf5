"""What the guard remembers of forms, and for how long."""

from service.engine.requests import StructuredOutput
from service.engine.vllm_grammar_memory import KEPT_VERDICTS, PASSING_SECONDS, VerdictMemory, digest
from service.engine.vllm_grammar_verdict import BUSY, FITS, TOO_COMPLEX, TOO_SLOW_NOW, UNFINISHED


def test_a_refusal_is_remembered_as_well_as_a_fit() -> None:
    memory = VerdictMemory()
    for key, verdict in ((b"a", FITS), (b"b", TOO_COMPLEX), (b"c", UNFINISHED)):
        memory.keep(key, verdict)
        assert memory.get(key) == verdict


def test_that_there_was_no_time_says_nothing_of_the_form() -> None:
    memory = VerdictMemory()
    memory.keep(b"a", BUSY)
    assert memory.get(b"a") is None


def test_a_refusal_of_a_busy_machine_holds_for_a_while() -> None:
    now = 0.0
    memory = VerdictMemory(lambda: now)
    memory.keep(b"a", TOO_SLOW_NOW)
    now = PASSING_SECONDS
    assert memory.get(b"a") == TOO_SLOW_NOW
    now += 0.1
    assert memory.get(b"a") is None


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    memory = VerdictMemory()
    for number in range(KEPT_VERDICTS):
        memory.keep(str(number).encode(), FITS)
    memory.get(b"0")
    memory.keep(b"more", FITS)
    assert (memory.get(b"0"), memory.get(b"1")) == (FITS, None)


def test_a_form_is_the_same_from_whichever_field_it_came() -> None:
    one, other = StructuredOutput(regex="a"), StructuredOutput(regex="a", param="tools")
    assert digest(one) == digest(other)
    assert digest(one) != digest(StructuredOutput(grammar="a"))
