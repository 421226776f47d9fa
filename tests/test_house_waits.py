"""No test waits for a fixed time where it could look, and none takes a port that others may use."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
BINDING = {"bind", "create_server", "ThreadingHTTPServer", "HTTPServer", "TCPServer", "serve"}


def _name_of(node):
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _polls(tree):
    """Return all statements within ``while`` loops: they look again and again whether something holds."""
    return {id(inner) for loop in ast.walk(tree) if isinstance(loop, ast.While) for inner in ast.walk(loop)}


def blind_waits(text):
    """Return the lines that sleep outside of a loop that looks, without a reason beside or above them."""
    lines, tree = text.splitlines(), ast.parse(text)
    polls = _polls(tree)
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ("time.sleep", "sleep"):
            continue
        above = lines[node.lineno - 2].strip() if node.lineno > 1 else ""
        if id(node) not in polls and "#" not in lines[node.lineno - 1] and not above.startswith("#"):
            found.append(node.lineno)
    return found


def fixed_ports(text):
    """Return the lines at which a server is bound to a port that is written down."""
    return [
        number.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and _name_of(node.func) in BINDING
        for number in _ports(node)
        if number.value != 0  # any free one
    ]


def _ports(call):
    """Yield the whole numbers of an address, ``(host, port)``, and of arguments that are ports by name."""
    for argument in call.args:
        if isinstance(argument, ast.Tuple):
            yield from filter(_is_port, argument.elts)
    yield from (
        keyword.value
        for keyword in call.keywords
        if "port" in (keyword.arg or "") and _is_port(keyword.value)
    )


def _is_port(node):
    return isinstance(node, ast.Constant) and type(node.value) is int


FILES = pytest.mark.parametrize(
    "path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS))
)


@FILES
def test_a_test_looks_instead_of_waiting(path):
    found = blind_waits(path.read_text(encoding="utf-8"))
    assert found == [], f"{path}: await the condition in a loop, or say in a comment why time must pass"


@FILES
def test_a_server_of_a_test_takes_any_free_port(path):
    assert fixed_ports(path.read_text(encoding="utf-8")) == [], f"{path}: bind to port 0, and ask which it is"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("time.sleep(1)\n", [1]),
        ("sleep(1)\n", [1]),
        ("for _ in x:\n    time.sleep(1)\n", [2]),
        ("while x:\n    time.sleep(1)\n", []),
        ("time.sleep(1)  # the device is slow\n", []),
        ("# the device is slow\ntime.sleep(1)\n", []),
        ("clock.sleep(1)\n", []),
    ],
)
def test_waits_that_look_at_nothing_are_found(text, found):
    assert blind_waits(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('held.bind(("127.0.0.1", 5025))\n', [1]),
        ('socket.create_server(("", 80))\n', [1]),
        ("station.serve(port_base=6000)\n", [1]),
        ('held.bind(("127.0.0.1", 0))\n', []),
        ("station.serve(port_base=base)\n", []),
        ('connect(("127.0.0.1", 5025))\n', []),
    ],
)
def test_ports_that_are_written_down_are_found(text, found):
    assert fixed_ports(text) == found
