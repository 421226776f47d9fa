"""Rules of the house on assertions that may never be reached.

A loop over nothing asserts nothing, and neither does a condition that never holds. `tests.some.some` refuses
to be empty; where emptiness is meant, a comment on the line says why: ``# may be none: …``.
"""

import ast
import builtins
import re

from tests.house_rules import name_of

MEANT = "# may be none: "
_ASSERTING = {"raises", "warns", "assert_allclose", "assert_array_equal"}
_FILLED = {"some", "linspace", "geomspace", "logspace", "arange", "uniform", "integers", "default_rng"}
_THROUGH = {"enumerate", "sorted", "reversed", "list", "tuple", "set", "pairwise"}
_FOUND = {"glob", "rglob", "iterdir"}
_NO_CASES = {*dir(builtins), "math", "np"}


def asserts_of_something(source):
    """A loop that asserts is over what cannot be empty, or the test asserts that it is not."""
    for test in _tests(source):
        looked = [(node, *_through(node)) for node in ast.walk(test) if _through(node)]
        known = _known(test) if looked else ()
        for node, through in looked:
            is_told = _is_meant(source, node.lineno, through.end_lineno) or _counted(node) & _names_said(test)
            if not _holds(through, known) and not is_told:
                yield f"line {node.lineno}: … in {ast.unparse(through)}"


def _through(node):
    """Return what a loop that asserts goes through, alone in a tuple; nothing for other statements."""
    if isinstance(node, ast.For) and _asserts(node):
        return (node.iter,)
    if isinstance(node, ast.Assert) and _is_all(node.test):
        return (node.test.args[0].generators[0].iter,)
    return ()


def asserts_whatever_holds(source):
    """A condition before an assertion is a case of the test, or counted, or its other branch asserts."""
    for test in _tests(source):
        for node in ast.walk(test):
            if isinstance(node, ast.If) and any(map(_asserts, node.body)):
                names = {part.id for part in ast.walk(node.test) if isinstance(part, ast.Name)} - _NO_CASES
                cases = _cases(test)
                is_case = names and all(name in cases or name.isupper() for name in names)
                is_told = any(map(_asserts, node.orelse)) or _ends(node) or _counted(node) & _names_said(test)
                if not is_case and not is_told and not _is_meant(source, node.lineno, node.test.end_lineno):
                    yield f"line {node.lineno}: if {ast.unparse(node.test)}"
            elif isinstance(node, ast.Try) and not any(map(_asserts, node.orelse)):
                handlers = [one for one in node.handlers if _asserts(one) and not _ends(one)]
                yield from (f"line {one.lineno}: except" for one in handlers)


def looks_at_files_that_are_there(source):
    """What a module of tests looks for in folders is there: of an empty list all holds."""
    for node in source.tree.body:
        value = getattr(node, "value", None)
        looked = node.decorator_list if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else [value]
        for part in filter(None, looked):
            called = {name_of(call.func) for call in ast.walk(part) if isinstance(call, ast.Call)}
            if called & _FOUND and "some" not in called:
                yield f"line {part.lineno}: {ast.unparse(part)}"


def _tests(source):
    return (n for n in source.nodes if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


def _asserts(node):
    return any(
        isinstance(part, ast.Assert) or (isinstance(part, ast.Call) and name_of(part.func) in _ASSERTING)
        for part in ast.walk(node)
    )


def _is_all(node):
    is_call = isinstance(node, ast.Call) and name_of(node.func) == "all" and len(node.args) == 1
    return is_call and isinstance(node.args[0], ast.GeneratorExp)


def _ends(node):
    """Return whether a branch leaves the test, or the turn of a loop: the other branch is what follows."""
    return isinstance(node.body[-1], (ast.Return, ast.Continue))


def _is_meant(source, first, last):
    return any(MEANT in line for line in source.lines[first - 1 : last])


def _counted(branch):
    """Return the names of what a branch counts or collects."""
    found = set()
    for node in ast.walk(branch):
        if isinstance(node, ast.AugAssign):
            found.add(name_of(node.target))
        if isinstance(node, ast.Call) and name_of(node.func) in ("add", "append"):
            found.add(name_of(node.func.value))
    return found


def _names_said(test):
    """Return the names in what a test asserts whatever is true."""
    plain = (node for node in ast.walk(test) if isinstance(node, ast.Assert) and _is_said_plainly(test, node))
    return {name_of(part) for node in plain for part in ast.walk(node)}


def _cases(test):
    """Return the names of the parameters of a test's cases, which are drawn or written down."""
    found = set()
    for decorator in test.decorator_list:
        called = name_of(decorator.func) if isinstance(decorator, ast.Call) else ""
        if called == "parametrize":
            found |= set(re.findall(r"\w+", ast.unparse(decorator.args[0])))
        elif called == "given":
            found |= {argument.arg for argument in test.args.args}
    return found


def _known(test):
    """Return what a test asserts not to be empty, or assigns from what is not."""
    found = set()
    for node in ast.walk(test):
        if isinstance(node, ast.Assert) and _is_said_plainly(test, node):
            relation = node.test.ops[0] if isinstance(node.test, ast.Compare) else None
            parts = ast.walk(node.test) if isinstance(relation, (ast.Eq, ast.Gt, ast.GtE)) else [node.test]
            found |= {ast.unparse(part) for part in parts if isinstance(part, ast.expr)}
    for node in ast.walk(test):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and _holds(node.value, found)
        ):
            found.add(node.targets[0].id)
    return found


def _is_said_plainly(test, statement):
    """Return whether a statement of a test is reached whatever is true."""
    left = [test]
    while left:
        body = left.pop().body
        if statement in body:
            return True
        left += [node for node in body if isinstance(node, ast.With)]
    return False


def _holds(node, known):
    """Return whether an iterable surely holds something, by what is written."""
    if ast.unparse(node) in known:
        return True
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return bool(node.elts)
    if isinstance(node, ast.Dict):
        return bool(node.keys)
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.BinOp):
        return _holds(node.left, known) or _holds(node.right, known)
    if isinstance(node, ast.Subscript):
        return not isinstance(node.slice, ast.Slice) and _holds(node.value, known)
    if isinstance(node, (ast.GeneratorExp, ast.ListComp)):
        one = node.generators[0]
        return len(node.generators) == 1 and not one.ifs and _holds(one.iter, known)
    if isinstance(node, ast.Call):
        return _is_filled(node, known)
    return name_of(node).isupper()


def _is_filled(call, known):
    name = name_of(call.func)
    if name == "range":
        return all(isinstance(argument, ast.Constant) for argument in call.args)
    if name in ("items", "values", "keys") and not call.args:
        return _holds(call.func.value, known)
    if name in _THROUGH:
        return bool(call.args) and _holds(call.args[0], known)
    if name == "zip":
        return "strict=True" in ast.unparse(call) and any(_holds(one, known) for one in call.args)
    if name == "product":
        return all(_holds(one, known) for one in call.args)
    return name in _FILLED
