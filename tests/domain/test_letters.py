import pytest

from calls.domain.letters import NotPlain, read_plain


@pytest.mark.parametrize(
    "text",
    [
        "Go to www.evil-prize.com/pay",
        "evil-prize.com",
        "Win at EVIL.COM now",
        "evil.xn--p1ai",
        "evil。com",
        "evil．com",
        "www.1.2.3.4",
        "//1.2.3.4/pay",
        "me@evil",
        "t.co",
    ],
)
def test_what_could_become_a_link_is_refused(text):
    with pytest.raises(NotPlain, match=r"^Web and e-mail addresses cannot be written into a booking \("):
        read_plain("Robert Miller", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12 St. James St., Apt. 4",
        "J. R. O'Neil-Smith Jr.",
        "12.5 Elm Street",
        "Pipe of 0.75 in.",
        "Ring twice...",
        "Añasco",
    ],
)
def test_what_people_say_of_a_place_is_plain(text):
    read_plain(text)
