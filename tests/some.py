"""What a test goes through is there: in a loop over nothing everything holds."""


def some(items):
    """Return ``items`` as a list; to find none of them fails the test."""
    found = list(items)
    assert found, "there is nothing to look at: what was to be looked through is empty"
    return found
