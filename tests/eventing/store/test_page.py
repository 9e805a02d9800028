"""What clients hand back."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.errors import Expired, InvalidToken
from eventing.resources.identity import GroupKind
from eventing.store.page import Page, page_of, position_of, token_of

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
BROKERS = GroupKind("eventing.knative.dev", "Broker")


@given(st.builds(Page, st.integers(0, 2**62), TEXT, TEXT), st.builds(GroupKind, TEXT, TEXT), st.none() | TEXT)
def test_a_token_leads_back_to_its_page(page: Page, group_kind: GroupKind, namespace: str | None) -> None:
    """And needs no escaping in a URL."""
    token = token_of(page, group_kind, namespace)
    assert page == page_of(token, group_kind, namespace)
    assert token.replace("-", "").replace("_", "").isalnum()


def test_a_token_is_of_one_list() -> None:
    """Another kind's, or namespace's, is refused."""
    token = token_of(Page(1, "a", "b"), BROKERS, "a")
    for group_kind, namespace in ((BROKERS, None), (BROKERS, "b"), (GroupKind("", "Broker"), "a")):
        with pytest.raises(InvalidToken, match="the token is not one of this list; leave it out to begin again"):
            page_of(token, group_kind, namespace)


@given(st.text() | st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_any_other_text_is_refused(token: str) -> None:
    """Whatever it is, it is no error of ours."""
    with pytest.raises(InvalidToken):
        page_of(token, BROKERS, None)


@given(st.integers(0, 10**18 - 1))
def test_a_version_is_a_number(version: int) -> None:
    """As it was given out."""
    assert version == position_of(str(version))


@pytest.mark.parametrize("version", ["", "x", "-1", "1.5", " 1", "٣", "²", "9" * 19])
def test_what_is_no_version_is_expired(version: str) -> None:
    """To list again is the way on, whichever store it came from."""
    with pytest.raises(Expired, match="is no version of this store"):
        position_of(version)
