"""Rules of the house, each asked of one file: what it yields is wrong there.

The file is read and parsed once for all rules, and forgotten: the trees of all files together are half a
gigabyte.
"""

import ast
import functools
import re
from pathlib import Path

import pytest

import labspin
from tests.places import PATIENCE

PACKAGE = Path(labspin.__file__).parent
TESTS = Path(__file__).parent
ROOT = TESTS.parent


class Source:
    """One file: its place, text, lines, tree, and everything that stands in it."""

    def __init__(self, path, text):
        self.path, self.text, self.lines = path, text, text.splitlines()
        self.tree = ast.parse(text)
        self.nodes = list(ast.walk(self.tree))


def in_folders(*tops):
    """Return a parametrisation by ``paths``: all Python files of one folder at or below ``tops``."""
    found = {}
    for top in tops:
        for path in sorted(top.rglob("*.py")):
            found.setdefault(str(path.parent.relative_to(top.parent)), []).append(path)
    return pytest.mark.parametrize("paths", list(found.values()), ids=list(found))


def broken(paths, rules):
    """Return a line for everything that is against ``rules`` in the files at ``paths``."""
    found = []
    for path in paths:
        source = Source(path, path.read_text(encoding="utf-8"))
        for rule in rules:
            found += [f"{path}: {rule.__name__}: {what}" for what in rule(source)]
    return found


def name_of(node):
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _calls(source):
    return (node for node in source.nodes if isinstance(node, ast.Call))


# -- of the package ---------------------------------------------------------------------------------------


def opens_with_its_idea(source):
    """A module begins with a docstring."""
    if not ast.get_docstring(source.tree):
        yield "no docstring"


def prints_nothing(source):
    """What is said goes to the log, or through the command line's output; nothing is evaluated."""
    for call in _calls(source):
        if isinstance(call.func, ast.Name) and call.func.id in {"print", "eval", "exec"}:
            yield f"line {call.lineno}: {call.func.id}"


def swallows_nothing(source):
    """No error disappears without a comment that says why it does not matter."""
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and all(map(_is_silent, node.body)):
            span = source.lines[node.lineno - 1 : node.end_lineno]
        elif isinstance(node, ast.With) and any(map(_suppresses_everything, node.items)):
            span = source.lines[max(0, node.lineno - 2) : node.body[0].lineno]
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            span = []
        else:
            continue
        if not any("#" in line for line in span):
            yield f"line {node.lineno}"


def _is_silent(statement):
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return True
    return isinstance(statement, (ast.Pass, ast.Continue))


def _suppresses_everything(item):
    call = item.context_expr
    if not isinstance(call, ast.Call) or name_of(call.func) != "suppress":
        return False
    return any(name_of(argument) in {"Exception", "BaseException"} for argument in call.args)


def tells_its_arguments(source):
    """The docstring of a public function names all of its arguments."""
    for function in _public_functions(source.tree):
        arguments = function.args
        listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        wanted = {argument.arg for argument in listed} - {"self", "cls"}
        section = (ast.get_docstring(function) or "").partition("Parameters\n---")[2]
        told = set(re.findall(r"\w+", " ".join(re.findall(r"^\S.*$", section, re.MULTILINE))))
        if wanted - told:
            yield f"line {function.lineno}: {function.name}: {sorted(wanted - told)}"


def tells_of_arguments_only(source):
    """What a docstring lists as parameters are arguments; the pages of the interface refuse anything else.

    A `NamedTuple` has attributes: what reads docstrings does not see its constructor.
    """
    for function in _public_functions(source.tree):
        arguments = function.args
        listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        known = {argument.arg for argument in [*listed, arguments.vararg, arguments.kwarg] if argument}
        section = (ast.get_docstring(function) or "").partition("Parameters\n----------\n")[2]
        own = re.split(r"\n\n(?=\w+\n-+\n)", section)[0]
        lines = re.findall(r"^\S.*$", own, re.MULTILINE)
        told = {name.strip(" *") for line in lines for name in line.split(",")}
        if told - known:
            yield f"line {function.lineno}: {function.name}: {sorted(told - known)}"
    for node in ast.walk(source.tree):
        bases = getattr(node, "bases", ()) if isinstance(node, ast.ClassDef) else ()
        named = any(getattr(base, "id", "") == "NamedTuple" for base in bases)
        if named and "Parameters\n---" in (ast.get_docstring(node) or ""):
            yield f"line {node.lineno}: {node.name}: Attributes, not Parameters"


def _public_functions(tree):
    """Yield the functions of ``__all__`` and the public methods of its classes, without properties."""
    names = {
        constant.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        for constant in getattr(node.value, "elts", [])
        if isinstance(constant, ast.Constant)
    }
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            yield node
        if isinstance(node, ast.ClassDef) and node.name in names:
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                    decorators = {getattr(d, "id", getattr(d, "attr", "")) for d in method.decorator_list}
                    if not decorators & {"property", "setter", "cached_property"}:
                        yield method


SHOWN = {
    "setToolTip": 0, "setStatusTip": 0, "setWhatsThis": 0, "setWindowTitle": 0, "setTitle": 0,
    "showMessage": 0, "QLabel": 0, "QCheckBox": 0, "QPushButton": 0,
    "QRadioButton": 0, "QGroupBox": 0, "QToggleSwitch": 0,
    "QListWidgetItem": 0, "QTableWidgetItem": 0, "QTreeWidgetItem": 0, "QStandardItem": 0, "QAction": 0,
    "QMenu": 0, "addAction": 0, "addMenu": 0, "addTab": 1, "insertHtml": 0, "appendHtml": 0,
}  # fmt: skip
"""Calls of Qt and pyqtgraph that show a text, and its place among their arguments."""
WAYS_IN = {"tool_tip", "caption", "line", "markup"}


def shows_foreign_text_as_it_is(source):
    """What the window shows is written in the code, or went through `labspin.gui.foreign`."""
    if source.path.name == "foreign.py":
        return
    for call in _calls(source):
        name = name_of(call.func)
        shown = call.args[SHOWN[name] : SHOWN[name] + 1] if name in SHOWN else []
        if name == "setText" and "getLabel(" in ast.unparse(call.func):
            shown = call.args[:1]
        if name in ("plot", "PlotDataItem", "PlotCurveItem"):
            shown = [keyword.value for keyword in call.keywords if keyword.arg == "name"]
        yield from (f"line {text.lineno}: {name}" for text in shown if not _is_written(text))


def _is_written(text):
    """Whether a text is written in the code, or went through one of `WAYS_IN`."""
    if isinstance(text, ast.IfExp):
        return _is_written(text.body) and _is_written(text.orelse)
    if isinstance(text, ast.BoolOp):
        return all(map(_is_written, text.values))
    if isinstance(text, ast.JoinedStr):
        return all(map(_is_written, text.values))
    if isinstance(text, ast.FormattedValue):
        return _is_written(text.value)
    if isinstance(text, ast.Call):
        return name_of(text.func) in WAYS_IN
    return isinstance(text, ast.Constant) or (isinstance(text, ast.Name) and text.id.isupper())


SLIPPERY = {
    "QPushButton": "Button", "QToggleSwitch": "Switch", "QComboBox": "ChoiceBox", "QSpinBox": "NumberBox",
    "QDoubleSpinBox": "a field for a quantity",
}  # fmt: skip
WAITS = {"exec", "exec_", "getSaveFileName", "getOpenFileName", "getExistingDirectory", "getText", "question",
         "warning", "critical", "information", "setWindowModality"}  # fmt: skip
"""Calls of dialogs that keep the rest of the window, SAFE among it, from the hand."""


def does_once_what_is_meant_once(source):
    """Controls of the window are those of `labspin.gui.hands`, and no dialog waits for an answer."""
    if "PySide6" not in source.text or source.path.name in ("hands.py", "application.py"):
        return
    for call in _calls(source):
        name = name_of(call.func)
        if isinstance(call.func, ast.Name) and name in SLIPPERY:
            yield f"line {call.lineno}: {name}, wanted {SLIPPERY[name]} of labspin.gui.hands"
        if isinstance(call.func, ast.Attribute) and name in WAITS:
            yield f"line {call.lineno}: {name} waits for an answer"


# -- of all -----------------------------------------------------------------------------------------------

# Comparisons that have an absolute tolerance unless told otherwise, and the argument that tells it.
TOLERANT = {"approx": "abs", "allclose": "atol", "assert_allclose": "atol", "isclose": "atol"}


def says_its_absolute_tolerance(source):
    """The defaults, 1e-12 and 1e-8, are larger than most numbers here: a torque is 1e-26 N m."""
    for call in _calls(source):
        called = name_of(call.func)
        needed = TOLERANT.get(called)
        if called == "isclose" and ast.unparse(call.func) == "math.isclose":
            needed = "abs_tol"
        given = {keyword.arg for keyword in call.keywords}
        if "almost_equal" in called.lower() or (needed and needed not in given):
            yield f"line {call.lineno}: {ast.unparse(call)}"


def can_be_taken_in_at_one_look(source):
    """A file has 500 lines at most, a function 40 without its docstring."""
    lines = source.text.count("\n")
    if lines > 500:
        yield f"{lines} lines"
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = _code_lines(node)
            if lines > 40:
                yield f"line {node.lineno}: {node.name}: {lines} lines"


def _code_lines(function):
    """Return the number of lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return function.end_lineno - body[0].lineno + 1


# What a reader had to read twice, and what says the same. Split in two, so that this file keeps the rule.
RETIRED = {
    r"ane" r"w": "again, or re-: reconnect, redraw, restart",
    r"men" r"d(?:s|ed|ing)?": "correct, repair",
    r"g(?:o|oes|one|oing) on with (?:a|the|its|that) run": "resume",
    r"gone on wi" r"th": "resumed",
    r"see to i" r"t": "make it safe, ensure",
    r"whatever it answe" r"rs": "without reading back",
    r"wanted (?:an attribute|a value) that it ha" r"s": "no attribute …; did you mean …",
}
_RETIRED = {re.compile(rf"\b{words}\b", re.IGNORECASE): better for words, better in RETIRED.items()}


def says_it_in_plain_words(source):
    """Words that are no standard English of the field are not used in code, messages or pages."""
    for number, line in enumerate(source.lines, 1):
        for words, better in _RETIRED.items():
            if found := words.search(line):
                yield f"line {number}: {found.group()!r}: say {better}"


# What refers to a person or a course without naming it: in docstrings and messages it is read twice.
_UNNAMED = re.compile(r"\b(?:nobody|somebody|whoever|likewise|go(?:es)? on)\b", re.IGNORECASE)
_UNNAMED_VALUE = re.compile(r"^( *)[a-z_][a-z_, ]*\n\1    O" r"f .*", re.MULTILINE)


def names_what_it_means(source):
    """Docstrings and messages name the person or program; a description names what it describes."""
    for number, line in enumerate(source.lines, 1):
        if found := _UNNAMED.search(line):
            yield f"line {number}: {found.group()!r}: name the person or program; say continue"
    for found in _UNNAMED_VALUE.finditer(source.text):
        yield f"{found.group()!r}: say what of it, 'Name of the instrument.'"


# -- of the tests -----------------------------------------------------------------------------------------


def imports_its_helpers(source):
    """The tests are a package: no test touches the path by which Python finds modules."""
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys" + ".path":
            yield f"line {node.lineno}"


# Calls that assert by themselves, beside helpers of the tests that do.
ASSERTING = ("assert_", "check_", "expected_protocol", "raises", "warns", "fail", "importorskip")


def asserts_something(source, helpers=None):
    """A test that asserts nothing passes whatever happens, unless something raises."""
    helpers = _helpers(TESTS) if helpers is None else helpers
    for node in source.nodes:
        is_test = isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        if is_test and not _asserts(node, helpers):
            yield node.name


@functools.cache
def _helpers(folder):
    """Return what each function of the tests calls, and whether it asserts something, but for the tests."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        for node in Source(path, path.read_text(encoding="utf-8")).nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("test"):
                found.setdefault(node.name, []).append(seen_in(node))
    return found


def seen_in(function):
    """Return whether a function asserts something by itself, and the names of what it calls."""
    called, asserts = set(), False
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Raise) and _names(node, "AssertionError")):
            asserts = True
        if isinstance(node, ast.Call):
            called.add(name_of(node.func))
    return asserts or any(name.startswith(ASSERTING) for name in called), called


def _asserts(function, helpers):
    """Return whether a function asserts something, by itself or by what it calls."""
    asserts, left = seen_in(function)
    seen = set()
    while left and not asserts:
        name = left.pop()
        seen.add(name)
        for helper_asserts, called in helpers.get(name, []):
            asserts |= helper_asserts
            left |= called - seen
    return asserts


def _names(node, name):
    return any(name_of(part) == name for part in ast.walk(node))


# What a mistake of the test itself raises, too.
OF_A_MISTAKE = {"AttributeError", "IndexError", "KeyError", "NameError", "RuntimeError", "TypeError"}


def names_the_error(source):
    """A test says which error it wants: any exception will do as well for a mistake of the test."""
    for call in _calls(source):
        if name_of(call.func) == "raises" and call.args:
            named = call.args[0].elts if isinstance(call.args[0], ast.Tuple) else call.args[:1]
            names = {name_of(one) for one in named}
            is_told = any(keyword.arg == "match" for keyword in call.keywords)
            if names & {"Exception", "BaseException"} or (names <= OF_A_MISTAKE and not is_told):
                yield f"line {call.lineno}"


def looks_instead_of_waiting(source):
    """A test sleeps in a loop that looks for its condition, or says in a comment why time must pass."""
    polls = {id(inner) for loop in source.nodes if isinstance(loop, ast.While) for inner in ast.walk(loop)}
    for call in _calls(source):
        if name_of(call.func) != "sleep" or ast.unparse(call.func) not in ("time.sleep", "sleep"):
            continue
        above = source.lines[call.lineno - 2].strip() if call.lineno > 1 else ""
        if id(call) not in polls and "#" not in source.lines[call.lineno - 1] and not above.startswith("#"):
            yield f"line {call.lineno}"


def is_patient(source):
    """What a test waits for may take `tests.places.PATIENCE`: a number of its own is too short under load."""
    for node in source.nodes:
        limits = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            if _is_number(node.right) and ast.unparse(node.left) == "time.monotonic()":
                yield f"line {node.lineno}"
        elif isinstance(node, ast.Call) and _is_process(node.func):
            limits = [keyword.value for keyword in node.keywords if keyword.arg == "timeout"]
        elif isinstance(node, ast.FunctionDef):  # a helper that waits by itself
            named = [*node.args.posonlyargs, *node.args.args][::-1]
            pairs = zip(named, node.args.defaults[::-1], strict=False)
            limits = [default for name, default in pairs if name.arg == "timeout"]
        yield from (
            f"line {limit.lineno}" for limit in limits if _is_number(limit) and limit.value < PATIENCE
        )


def measures_no_haste(source):
    """A time on the wall is compared with `PATIENCE`, not with a number: it measures the machine's load.

    So does the time that is left until a moment.
    """
    named = {
        target.id
        for node in source.nodes
        if isinstance(node, ast.Assign) and _is_time_on_the_wall(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in source.nodes:
        if _asks_for_time_left(node):
            yield f"line {node.lineno}"
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], (ast.Lt, ast.LtE)):
            continue
        limit, is_named = node.comparators[0], isinstance(node.left, ast.Name) and node.left.id in named
        if _is_number(limit) and limit.value < PATIENCE and (is_named or _is_time_on_the_wall(node.left)):
            yield f"line {node.lineno}"


def _is_time_on_the_wall(node):
    """Return whether an expression is the time since a moment."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.left, ast.Call)):
        return False
    return name_of(node.left.func) in ("monotonic", "time", "perf_counter")


def _asks_for_time_left(node):
    """Return whether a number of seconds is to be left until a moment."""
    if not (isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Gt, ast.GtE))):
        return False
    left = node.left.right if isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Sub) else None
    is_now = isinstance(left, ast.Call) and name_of(left.func) in ("monotonic", "perf_counter")
    return is_now and _is_number(node.comparators[0])


def _is_process(function):
    return name_of(function) == "communicate" or ast.unparse(function).startswith("subprocess.")


def _is_number(node):
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def hands_on_no_options(source):
    """A process that a test starts gets `tests.places.environment`: not the options of this pytest."""
    if source.path == TESTS / "places.py":
        return
    for node in source.nodes:
        if isinstance(node, ast.Dict):
            inner = [value for key, value in zip(node.keys, node.values, strict=True) if key is None]
        elif isinstance(node, ast.Call) and name_of(node.func) in ("copy", "dict"):
            inner = [getattr(node.func, "value", None), *node.args]
            inner += [keyword.value for keyword in node.keywords if keyword.arg is None]
        else:
            continue
        if any(part is not None and ast.unparse(part) == "os.environ" for part in inner):
            yield f"line {node.lineno}"


BINDING = {"bind", "create_server", "ThreadingHTTPServer", "HTTPServer", "TCPServer", "serve"}


def takes_any_free_port(source):
    """A server of a test is bound to port 0, and asked which it is: others run beside it."""
    for call in _calls(source):
        if name_of(call.func) in BINDING:
            yield from (f"line {number.lineno}" for number in _ports(call) if number.value != 0)


def _ports(call):
    """Yield the whole numbers of an address, ``(host, port)``, and of arguments that are ports by name."""
    for argument in call.args:
        if isinstance(argument, ast.Tuple):
            yield from filter(_is_whole, argument.elts)
    for keyword in call.keywords:
        if "port" in (keyword.arg or "") and _is_whole(keyword.value):
            yield keyword.value


def _is_whole(node):
    return isinstance(node, ast.Constant) and type(node.value) is int
