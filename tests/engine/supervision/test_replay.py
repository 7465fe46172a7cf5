"""What a client has had is taken out of what the next engine tells, however it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.deltas import Delta, FirstDelta, PositionLogprobs, TokenLogprob, ToolCallPart
from service.engine.supervision.journal import Journal
from service.engine.supervision.replay import Replay
from service.errors import InternalError

TEXT = "The tide 🌊 comes in. "


def deltas(ids: list[int], sizes: list[int], *, first: bool = True) -> list[Delta]:
    """The text that these ids stand for, cut into deltas of so many tokens (one character is one token)."""
    made, at = [], 0
    while at < len(ids):
        size = sizes[len(made) % len(sizes)]
        piece = ids[at : at + size]
        at += len(piece)
        reason = "length" if at == len(ids) else None
        made.append(Delta(0, "".join(TEXT[i % len(TEXT)] for i in piece), piece, reason))
    return [Delta(*_with_first(made[0])), *made[1:]] if first else made


def _with_first(delta: Delta) -> tuple[object, ...]:
    return (delta.index, delta.text, delta.token_ids, delta.finish_reason, None, None, FirstDelta(3, 0.1))


def joined(parts: list[Delta]) -> tuple[str, list[int], list[str]]:
    return (
        "".join(part.text for part in parts),
        [token for part in parts for token in part.token_ids],
        [part.finish_reason for part in parts if part.finish_reason],
    )


SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@given(length=st.integers(2, 400), told=st.integers(1, 399), before=SIZES, after=SIZES)
def test_told_and_new_make_the_whole(length: int, told: int, before: list[int], after: list[int]) -> None:
    ids = list(range(length))
    journal, had = Journal(1), deltas(ids, before)[: max(1, min(told, length - 1) // sum(before))]
    if had[-1].finish_reason:
        return
    journal.record(had)
    replay = Replay(journal)
    new = [part for each in deltas(ids, after) for part in replay.new([each])]
    assert joined(had + new) == joined(deltas(ids, [1]))
    assert replay.over
    assert not any(part.first for part in new)


def test_text_that_was_held_back_comes_later() -> None:
    journal = Journal(1)
    journal.record([Delta(0, "Once ", [1]), Delta(0, "", [2])])
    replay = Replay(journal)
    assert replay.new([Delta(0, "On", [1, 2])]) == []
    assert joined(replay.new([Delta(0, "ce upon", [3])])) == ("upon", [3], [])


@pytest.mark.parametrize(
    "again",
    [
        [Delta(0, "Twice", [1])],
        [Delta(0, "Once ", [7])],
        [Delta(0, "On", [1], "stop")],
    ],
    ids=["other text", "other tokens", "shorter"],
)
def test_another_answer_is_an_error_and_no_text(again: list[Delta]) -> None:
    journal = Journal(1)
    journal.record([Delta(0, "Once ", [1])])
    with pytest.raises(InternalError) as refused:
        Replay(journal).new(again)
    assert refused.value.code == "not_continued"


def test_a_choice_that_had_ended_is_not_told_again() -> None:
    journal = Journal(2)
    journal.record([Delta(0, "a", [1]), Delta(1, "b", [2], "stop")])
    replay = Replay(journal)
    assert replay.new([Delta(1, "b", [2], "stop"), Delta(0, "ac", [1, 3])]) == [Delta(0, "c", [3])]


def test_logprobs_stay_with_the_new_tokens() -> None:
    position = PositionLogprobs(TokenLogprob("c", 3, -0.5), [])
    journal = Journal(1)
    journal.record([Delta(0, "ab", [1, 2])])
    (new,) = Replay(journal).new([Delta(0, "abc", [1, 2, 3], logprobs=[position])])
    assert new.logprobs == [position]


def test_a_tool_call_keeps_the_id_it_was_given() -> None:
    journal = Journal(1)
    journal.record([Delta(0, "", [1], tool_calls=[ToolCallPart(0, "call-1", "f", '{"a":')])])
    again = ToolCallPart(0, "call-2", "f", '{"a": 1}')
    (new,) = Replay(journal).new([Delta(0, "", [1, 2], tool_calls=[again, ToolCallPart(1, "call-3", "g", "{}")])])
    assert new.tool_calls == [ToolCallPart(0, None, None, " 1}"), ToolCallPart(1, "call-3", "g", "{}")]


def test_reasoning_and_content_are_told_apart() -> None:
    journal = Journal(1)
    journal.record([Delta(0, "", [1], reasoning="Hm"), Delta(0, "Yes", [2])])
    (new,) = Replay(journal).new([Delta(0, "Yes.", [1, 2, 3], reasoning="Hm")])
    assert (new.text, new.reasoning) == (".", None)
