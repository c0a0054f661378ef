import pytest

from calls.doctor.findings import FAIL, OK, SKIPPED, WARN, Finding, exit_code, hide, summary


def finding(level, id="one", **fields):
    return Finding(id, level, "One", "seen", **fields)


@pytest.mark.parametrize(
    ("levels", "code"), [([], 0), ([OK, SKIPPED], 0), ([OK, WARN], 1), ([WARN, FAIL, OK], 2), ([FAIL], 2)]
)
def test_the_exit_code_is_that_of_the_worst(levels, code):
    assert exit_code(map(finding, levels)) == code


def test_the_summary_counts_and_names_the_first_failure():
    findings = [finding(OK), finding(WARN, "w", remedy="Look."), finding(FAIL, "f", remedy="Mend."), finding(SKIPPED)]

    assert summary(findings) == "1 well, 1 to look at, 1 failed, 1 skipped. Begin with f: Mend."
    assert summary(findings[:2]) == "1 well, 1 to look at. Begin with w: Look."
    assert summary([]) == "nothing checked."


def test_secrets_are_hidden_wherever_they_stand():
    told = Finding("one", FAIL, "One", "key p&ss/word!", "https://x/?key=p%26ss%2Fword%21", "sk-proj-abcdef123456 abc")

    hidden = hide(told, iter(["p&ss/word!", "abc", ""]))

    assert (hidden.seen, hidden.means, hidden.remedy) == ("key •••", "https://x/?key=•••", "••• abc")


def test_half_a_character_from_the_json_of_others_can_be_written():
    told = hide(finding(FAIL, remedy="half \ud83d, whole \U0001f600, nothing \0"), [])

    assert told.remedy == "half ?, whole \U0001f600, nothing ?"
    told.remedy.encode()


def test_a_secret_inside_another_leaves_no_rest():
    told = finding(FAIL, remedy="canary canary-long")

    assert hide(told, ["canary", "canary-long"]).remedy == "••• •••"
