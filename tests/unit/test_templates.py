"""Templates: where a channel has them they go alone, elsewhere the message's text is said; and they are kept whole."""

import pytest

from convokit import DefinitionError, Image, Limit, Location, Message, Parameter, Template, TemplateButton
from convokit.fitting import fit
from convokit.messages import Capabilities
from convokit.wire.codec import decode, encode

SENT = Template("parcel_sent", "en", body=["Ada"])


def test_a_channel_with_templates_gets_it_whole_and_one_without_the_text() -> None:
    message = Message("On its way, Ada.", template=SENT, buttons=["Track"])
    assert fit(message, Capabilities(templates=True)).messages == (message,)
    (said,) = fit(message, Capabilities()).messages
    assert said.template is None
    assert said.text.startswith("On its way, Ada.")


def test_without_a_text_a_channel_that_has_none_cannot_say_it() -> None:
    with pytest.raises(DefinitionError, match=r"parcel_sent.*has no templates"):
        fit(Message(template=SENT), Capabilities())
    assert fit(Message(template=SENT), Capabilities(templates=True)).messages == (Message(template=SENT),)
    assert not Message(template=SENT).empty


def test_it_is_kept_and_read_back_as_it_was() -> None:
    for template in (
        Template("a", "en_US", body={"name": "Ada", "sum": Parameter("12 €", currency="EUR", thousandths=12000)}),
        Template("a", picture=Image("https://x.example/a"), buttons=[TemplateButton(0, "quick_reply", "p")]),
        Template("a", place=Location(1, 2), body=[Parameter("today", moment=True)]),
        Template("a", header="42"),
    ):
        message = Message("text", template=template)
        assert decode(Message, encode(message)) == message


def test_values_are_given_in_order_or_by_name() -> None:
    assert [one.text for one in Template("a", body=["x", Parameter("y")]).body] == ["x", "y"]
    assert [(one.name, one.text) for one in Template("a", body={"who": "Ada"}).body] == [("who", "Ada")]


def test_what_cannot_be_one_is_refused() -> None:
    with pytest.raises(ValueError, match="one of header, picture and place"):
        Template("a", header="42", place=Location(1, 2))
    with pytest.raises(ValueError, match="name must not be empty"):
        Template(" ")
    with pytest.raises(TypeError, match="body must be a list"):
        Template("a", body="Ada")
    with pytest.raises(ValueError, match="from 0 to 9"):
        TemplateButton(10, "url", "x")
    with pytest.raises(ValueError, match="quick_reply, url or copy_code"):
        TemplateButton(0, "flow", "x")  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match="must hold TemplateButton"):
        Template("a", buttons=["x"])  # type: ignore[list-item]  # the point
    with pytest.raises(TypeError, match="must be a Template"):
        Message(template="parcel")  # type: ignore[arg-type]  # the point
    with pytest.raises(ValueError, match="value must not be empty"):
        TemplateButton(0, "url", "")


@pytest.mark.parametrize(("length", "count"), [(10, 1), (11, 2)])
def test_a_text_with_buttons_may_have_a_bound_of_its_own(length: int, count: int) -> None:
    can = Capabilities(buttons=3, text_limit=Limit(20), text_with_buttons=Limit(10))
    made = fit(Message("x" * length, buttons=["A"]), can).messages
    assert len(made) == count
    assert "".join(one.text for one in made) == "x" * length
    assert [bool(one.buttons) for one in made] == [False] * (count - 1) + [True]
