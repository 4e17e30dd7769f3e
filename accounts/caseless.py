"""The one form in which names are compared; knows no Django, so that settings can use it."""

import unicodedata


def caseless(text: str) -> str:
    """Return a name in lower case and NFC: neither case counts nor how a letter is composed."""
    # Lower case can come apart into letters that NFC then joins again.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
