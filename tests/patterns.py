"""How long a regular expression may take, found in the expression itself instead of by a clock.

Python's matcher tries one way after the other. On a text that does not match in the end, it tries all ways of
reading it, and their number grows faster than the text exactly where the expression is ambiguous without
bound: where one piece of text leads from a state p to p, from p to another state q, and from q to q (then
their number grows at least with the length, and the time with its square), or from p to p on two ways (then
it grows exponentially). Both are looked for in the automaton whose states are the characters of the
expression (Glushkov; Weber and Seidl, Theor. Comput. Sci. 88, 325 (1991), On the degree of ambiguity of
finite automata).

A search begins at every place of the text: it is read as one with anything in front. What is tried after a
state in which all is matched already, is never tried again. What looks around, groups that are repeated, and
characters outside of `_ALPHABET`, are not understood: they are taken for nothing, which may find too much, or
refused.
"""

import re
import re._constants as c
import re._parser as parser
from dataclasses import dataclass, field

_ALPHABET = [*map(chr, range(128)), *"µéß²√·°\u2028\u00a0中"]
_EVERYTHING = (1 << len(_ALPHABET)) - 1
_CATEGORIES = {
    c.CATEGORY_DIGIT: r"\d", c.CATEGORY_NOT_DIGIT: r"\D", c.CATEGORY_SPACE: r"\s",
    c.CATEGORY_NOT_SPACE: r"\S", c.CATEGORY_WORD: r"\w", c.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip
_FEW = 200  # repetitions that are no loop: they end


def _mask(test):
    return sum(1 << place for place, character in enumerate(_ALPHABET) if test(character))


def _letters(operation, argument, flags):
    """Return the characters, one bit each, that one character of the expression stands for."""
    same = (lambda a, b: a.lower() == b.lower()) if flags & re.IGNORECASE else (lambda a, b: a == b)
    if operation is c.ANY:
        return _EVERYTHING if flags & re.DOTALL else _mask(lambda a: a != "\n")
    if operation is c.LITERAL:
        return _mask(lambda a: same(a, chr(argument)))
    if operation is c.NOT_LITERAL:
        return _EVERYTHING & ~_mask(lambda a: same(a, chr(argument)))
    if operation is c.RANGE:
        low, high = argument
        return _mask(
            lambda a: any(low <= ord(b) <= high for b in ({a, a.lower(), a.upper()} if flags & 2 else a))
        )
    if operation is c.CATEGORY:
        return _mask(re.compile(_CATEGORIES[argument], flags & re.ASCII).fullmatch)
    assert operation is c.IN, operation
    negated = bool(argument) and argument[0][0] is c.NEGATE
    found = 0
    for one in argument[negated:]:
        found |= _letters(*one, flags)
    return _EVERYTHING & ~found if negated else found


def _is_one(items):
    """Whether a piece of an expression is one character."""
    return len(items) == 1 and items[0][0] in (c.ANY, c.LITERAL, c.NOT_LITERAL, c.IN)


@dataclass
class _Piece:
    """Where a piece of the expression may begin and end, and whether it may be empty."""

    first: list = field(default_factory=list)
    last: list = field(default_factory=list)  # states, and the characters that may follow each
    is_empty: bool = True


class Automaton:
    """The states of an expression and the steps between them, each with the number of ways it is made.

    Parameters
    ----------
    pattern
        A compiled regular expression.
    method
        By which it is used: ``"match"``, ``"fullmatch"``, or one that searches.
    """

    def __init__(self, pattern, method):
        self.letters, self.steps, self.flags = [], {}, pattern.flags
        text = pattern.pattern
        tree = parser.parse(
            text if isinstance(text, str) else text.decode("latin-1"), pattern.flags & ~re.UNICODE
        )
        items = list(tree)
        self.is_anchored = method == "fullmatch" or bool(items and items[-1][0] is c.AT)
        whole = self._sequence(items)
        if method not in ("match", "fullmatch") and not self._begins_at_a_place(items):
            whole = self._after(self._anything(items), whole)
        self.ends = {state for state, _ in whole.last}

    def _begins_at_a_place(self, items):
        return bool(items) and items[0] == (c.AT, c.AT_BEGINNING) and not self.flags & re.MULTILINE

    def _anything(self, items):
        """Return what a search leaves out in front: any text, after which the expression may begin."""
        inner = 0  # what may not stand just before it
        if items and items[0][0] is c.ASSERT_NOT and items[0][1][0] == -1 and _is_one(items[0][1][1]):
            inner = _letters(*items[0][1][1][0], self.flags)
        elif items and items[0] == (c.AT, c.AT_BOUNDARY):
            inner = _mask(re.compile(r"\w").fullmatch)
        elif items and items[0] == (c.AT, c.AT_BEGINNING):  # of a line
            inner = _EVERYTHING & ~_mask("\n".__eq__)
        outside = self._state(_EVERYTHING & ~inner)
        states = [outside, self._state(inner)] if inner else [outside]
        for one in states:
            for other in states:
                self._step(one, other)
        return _Piece(states, [(outside, _EVERYTHING)], True)

    def _state(self, letters):
        self.letters.append(letters)
        return len(self.letters) - 1

    def _step(self, one, other, seen=_EVERYTHING):
        """Let a step lead from one state to another by those of its letters that are in ``seen``."""
        letters = self.letters[other] & seen
        ways, before = self.steps.get((one, other), (0, 0))
        if letters:
            self.steps[one, other] = (ways + bool(letters & before or not ways), letters | before)

    def _after(self, piece, following):
        """Return one piece behind another."""
        for end, seen in piece.last:
            for begin in following.first:
                self._step(end, begin, seen)
        return _Piece(
            piece.first + (following.first if piece.is_empty else []),
            following.last + (piece.last if following.is_empty else []),
            piece.is_empty and following.is_empty,
        )

    def _sequence(self, items):
        whole = _Piece()
        for operation, argument in items:
            if operation in (c.ASSERT, c.ASSERT_NOT) and argument[0] == 1 and _is_one(argument[1]):
                seen = _letters(*argument[1][0], self.flags)  # of one character ahead
                seen = seen if operation is c.ASSERT else _EVERYTHING & ~seen
                whole.last = [(state, before & seen) for state, before in whole.last]
            else:
                whole = self._after(whole, self._piece(operation, argument))
        return whole

    def _piece(self, operation, argument):
        if operation in (c.AT, c.ASSERT, c.ASSERT_NOT):
            return _Piece()
        if operation is c.SUBPATTERN:
            return self._sequence(argument[-1])
        if operation is c.BRANCH:
            parts = [self._sequence(part) for part in argument[1]]
            return _Piece(
                [one for part in parts for one in part.first], [one for part in parts for one in part.last],
                any(part.is_empty for part in parts),
            )  # fmt: skip
        if operation in (c.MAX_REPEAT, c.MIN_REPEAT):
            return self._repeated(*argument)
        if operation is c.POSSESSIVE_REPEAT:
            least, most, ((inner, letters),) = argument  # of one character, which takes all that there are
            whole = self._repeated(least, most, [(inner, letters)])
            others = _EVERYTHING & ~_letters(inner, letters, self.flags)
            endless = most is c.MAXREPEAT or most > _FEW
            whole.last = [(state, others if endless else _EVERYTHING) for state, _ in whole.last]
            return whole
        state = self._state(_letters(operation, argument, self.flags))
        return _Piece([state], [(state, _EVERYTHING)], False)

    def _repeated(self, least, most, items):
        endless = most is c.MAXREPEAT or most > _FEW
        if not endless and least <= 1:
            once = self._sequence(items)
            return _Piece(once.first, once.last, once.is_empty or least == 0)
        whole = _Piece()
        for _ in range(min(least, 3) - endless):
            whole = self._after(whole, self._sequence(items))
        if endless:
            once = self._sequence(items)
            for end, seen in once.last:
                for begin in once.first:
                    self._step(end, begin, seen)
            whole = self._after(whole, _Piece(once.first, once.last, once.is_empty or least == 0))
        return whole

    # -- what is ambiguous -----------------------------------------------------------------------------

    def followers(self, state):
        """Return the states to which there are steps."""
        return self._followers.get(state, ())

    def growth(self):
        """Return ``"exponential"``, ``"quadratic"`` or None, as the time grows at least with the text."""
        self._followers = {}
        for one, other in self.steps:
            self._followers.setdefault(one, []).append(other)
        reach = {state: self._reached(state) for state in range(len(self.letters))}
        loops = [state for state in reach if state in reach[state]]
        for (one, other), (ways, _) in self.steps.items():
            if ways > 1 and one in reach[other] and self._may_fail(one):
                return "exponential"
        for p in loops:
            for q in loops:
                if p != q and q in reach[p] and self._may_fail(q) and self._leads(p, q, reach):
                    return "exponential" if p in reach[q] else "quadratic"
        return None

    def _reached(self, state):
        found, left = set(), [state]
        while left:
            for other in self.followers(left.pop()):
                if other not in found:
                    found.add(other)
                    left.append(other)
        return found

    def _may_fail(self, state):
        """Whether a text may come that is refused after all, once it has been read up to a state."""
        return self.is_anchored or state not in self.ends

    def _leads(self, p, q, reach):
        """Whether one text leads from p to p, from p to q, and from q to q."""
        begin, wanted = (p, p, q), (p, q, q)
        seen, left = set(), [begin]
        while left:
            a, b, e = left.pop()
            for x in self.followers(a):
                if p != x and p not in reach[x]:
                    continue
                for y in self.followers(b):
                    both = self.steps[a, x][1] & self.steps[b, y][1]
                    if not both or (y != q and q not in reach[y]):
                        continue
                    for z in self.followers(e):
                        new = (x, y, z)
                        if both & self.steps[e, z][1] and new not in seen and (z == q or q in reach[z]):
                            if new == wanted:
                                return True
                            seen.add(new)
                            left.append(new)
        return False


def growth(pattern, method):
    """Return how the time of a use grows at least: ``"exponential"``, ``"quadratic"``, or None: linearly."""
    return Automaton(pattern, method).growth()
