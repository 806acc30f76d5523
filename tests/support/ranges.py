"""A copy of the firmware in which every integer is checked: no float, and within the board's 31 bits.

In the modules that run with the heap locked, the result of every operation and the operands of every comparison pass
through `checked`, which raises with file and line. The PC's integers would let all of them pass.
"""

from __future__ import annotations

import ast
from pathlib import Path

from support.firmware import copy

LOCKED = (
    "after_heat.py",
    "alarms.py",
    "app.py",
    "artefact.py",
    "control.py",
    "diagnosis.py",
    "dose.py",
    "drivers/",
    "estimate.py",
    "felt.py",
    "hands.py",
    "hazards.py",
    "identify.py",
    "notices.py",
    "safety.py",
    "sections.py",
    "self_test.py",
    "sensing.py",
    "treatment.py",
    "trends.py",
    "windows.py",
)
# Of a file in which more is done than that: the functions that run locked.
ONLY = {"sections.py": ("corrected_mc",)}

CHECKER = '''
"""Raises for a number that the board would not have, or only on its heap."""

seen = {}  # where: lowest and highest value


def checked(value, where):
    if type(value) in (str, bytes, tuple, list, memoryview):
        return value
    if type(value) is not int and type(value) is not bool:
        raise ArithmeticError("%s: %r is no integer" % (where, value))
    if not -0x40000000 <= value < 0x40000000:
        raise ArithmeticError("%s: %d needs more than 31 bits" % (where, value))
    low, high = seen.get(where, (value, value))
    if value < low or value > high or where not in seen:
        seen[where] = (min(low, value), max(high, value))
    return value
'''


class _Wrap(ast.NodeTransformer):
    def __init__(self, file: str) -> None:
        self._file = file

    def _checked(self, node: ast.expr, line: int) -> ast.expr:
        if isinstance(node, ast.Constant):
            return node
        where = ast.Constant(f"{self._file}:{line}")
        return ast.Call(ast.Name("checked", ast.Load()), [node, where], [])

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return self._checked(node, node.lineno)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return node if isinstance(node.op, ast.Not) else self._checked(node, node.lineno)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        """`a op= b` as `a = a op b`: none of the firmware's targets has side effects."""
        self.generic_visit(node)
        target = ast.parse(ast.unparse(node.target), mode="eval").body
        result = ast.BinOp(target, node.op, node.value)
        return ast.Assign([node.target], self._checked(result, node.lineno))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if all(isinstance(op, ast.Eq | ast.NotEq | ast.Lt | ast.LtE | ast.Gt | ast.GtE) for op in node.ops):
            node.left = self._checked(node.left, node.lineno)
            node.comparators = [self._checked(operand, node.lineno) for operand in node.comparators]
        return node


def rewrite(file: str, text: str) -> str:
    """The text of one file of the firmware with its checks, if it is one of the locked part."""
    if not file.startswith(LOCKED):
        return text
    tree, wrap = ast.parse(text), _Wrap(file)
    if file in ONLY:
        tree.body = [wrap.visit(node) if getattr(node, "name", "") in ONLY[file] else node for node in tree.body]
    else:
        tree = wrap.visit(tree)
    ast.fix_missing_locations(tree)
    tree.body.insert(1, ast.ImportFrom("checked", [ast.alias("checked")], 0))  # after the docstring
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def checked_copy(folder: Path) -> Path:
    copy(folder, rewrite)
    (folder / "checked.py").write_text(CHECKER)
    return folder
