"""Porter's stemmer (M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980) with the two later points of
departure of his own page (`-bli`, `-logi`; words of one or two letters stay). The extension's analyzer stems so;
Snowball's "porter", the one that libraries bring, gives other stems for about 0.4 % of the words of CACM, Vaswani and
PubMedQA.
"""

import functools
import re

_C = "[^aeiou][^aeiouy]*"
_V = "[aeiouy][aeiou]*"
#: Measure of a stem, m in the paper: how many vowel-consonant sequences it holds.
_m_over_0 = re.compile(f"^(?:{_C})?{_V}{_C}")
_m_is_1 = re.compile(f"^(?:{_C})?{_V}{_C}(?:{_V})?$")
_m_over_1 = re.compile(f"^(?:{_C})?(?:{_V}{_C}){{2,}}")
_has_vowel = re.compile(f"^(?:{_C})?[aeiouy]")
#: *o in the paper: consonant, vowel, consonant, the last not w, x or y.
_cvc = re.compile(f"^{_C}[aeiouy][^aeiouwxy]$")
_double = re.compile(r"([^aeiouylsz])\1$")

_STEP_2 = {
    "ational": "ate",
    "tional": "tion",
    "enci": "ence",
    "anci": "ance",
    "izer": "ize",
    "bli": "ble",
    "alli": "al",
    "entli": "ent",
    "eli": "e",
    "ousli": "ous",
    "ization": "ize",
    "ation": "ate",
    "ator": "ate",
    "alism": "al",
    "iveness": "ive",
    "fulness": "ful",
    "ousness": "ous",
    "aliti": "al",
    "iviti": "ive",
    "biliti": "ble",
    "logi": "log",
}
_STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
_STEP_4 = [
    "al",
    "ance",
    "ence",
    "er",
    "ic",
    "able",
    "ible",
    "ant",
    "ement",
    "ment",
    "ent",
    "ion",
    "ou",
    "ism",
    "ate",
    "iti",
    "ous",
    "ive",
    "ize",
]


def _longest(word: str, suffixes: list[str]) -> str | None:
    """The longest suffix of `word` that leaves at least one letter."""
    found = [suffix for suffix in suffixes if len(word) > len(suffix) and word.endswith(suffix)]
    return max(found, key=len, default=None)


@functools.lru_cache(maxsize=1 << 18)
def stem(word: str) -> str:
    """The stem of a word of lower-case ASCII letters."""
    if len(word) < 3:
        return word
    # A y at the start is a consonant: upper case keeps it from counting as a vowel.
    if word[0] == "y":
        word = "Y" + word[1:]

    # Step 1a
    if re.search(r".(?:ss|i)es$", word):
        word = word[:-2]
    elif re.search(r".[^s]s$", word):
        word = word[:-1]

    # Step 1b
    if len(word) > 3 and word.endswith("eed"):
        if _m_over_0.search(word[:-3]):
            word = word[:-1]
    elif (match := re.fullmatch(r"(.+?)(ed|ing)", word)) and _has_vowel.search(match[1]):
        word = match[1]
        if word.endswith(("at", "bl", "iz")):
            word += "e"
        elif _double.search(word):
            word = word[:-1]
        elif _cvc.search(word):
            word += "e"

    # Step 1c
    if len(word) > 1 and word.endswith("y") and _has_vowel.search(word[:-1]):
        word = word[:-1] + "i"

    # Steps 2 and 3
    for table in (_STEP_2, _STEP_3):
        suffix = _longest(word, list(table))
        if suffix and _m_over_0.search(word[: -len(suffix)]):
            word = word[: -len(suffix)] + table[suffix]

    # Step 4
    suffix = _longest(word, _STEP_4)
    if suffix == "ion" and not word[:-3].endswith(("s", "t")):
        suffix = None
    if suffix and _m_over_1.search(word[: -len(suffix)]):
        word = word[: -len(suffix)]

    # Step 5
    if len(word) > 1 and word.endswith("e"):
        rest = word[:-1]
        if _m_over_1.search(rest) or (_m_is_1.search(rest) and not _cvc.search(rest)):
            word = rest
    if word.endswith("ll") and _m_over_1.search(word):
        word = word[:-1]
    return "y" + word[1:] if word[0] == "Y" else word
