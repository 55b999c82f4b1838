"""The answer to an action, where the action is. The page brings it into view, puts the focus on it, and it is read out.

Every control that makes something happen names the place of its answer (``answered_by``); a guard test looks for both.
"""

from typing import Any

import reflex as rx

from portal.components.status import note

# Places that no ``answer`` makes: the content of the page, another page, and the control that opened a question.
CONTENT = "content"
ANOTHER_PAGE = "another-page"
ASKER = "asker"
TAB_PANEL = "tab-panel"


def answered_by(place: str, **attributes: Any) -> dict[str, Any]:
    """The ``custom_attrs`` of a button or form: the id of the place where its answer appears."""
    return {"data-answered-by": place, **attributes}


def answer(place: str, *said: tuple[Any, Any, str]) -> rx.Component:
    """A place for answers, with its id. Each is the words, empty while there are none, their tone and a test id."""
    return answer_region(
        place,
        _joined(said),
        *[
            rx.cond(words != "", note(words, tone=tone, data_testid=name), rx.fragment())
            for words, tone, name in said
        ],
    )


def answer_region(place: str, key: Any, *content: Any, **props: Any) -> rx.Component:
    """A region for an answer. A new ``key`` marks a new answer; an empty key means that there is none yet."""
    return rx.el.div(*content, id=place, tab_index=-1, custom_attrs={"data-answer": key}, **props)


def _joined(said: tuple[tuple[Any, Any, str], ...]) -> Any:
    first, *others = (words for words, _, _ in said)
    for words in others:
        first = first + words
    return first
