"""Rows of a few numbers as vectors for compiled loops (needs numba).

Replicates stand side by side in the rows of C-contiguous arrays. A compiler that meets a loop over
such a row takes it apart into single numbers, because for all it knows two arrays overlap. Here a
row is loaded, computed with and stored as one value, which fits a vector register.

Arithmetic takes two rows, or a number and a row of its type; a row is stored in the type of the
array. Nothing checks bounds.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

# What it makes is called with one argument less.
_intrinsic = cast("Callable[[Callable[..., Any]], Callable[..., Any]]", intrinsic)
_FLAGS = ("contract", "reassoc", "nsz", "arcp")


class Lanes(types.Type):
    """The type of a row: `count` numbers of type `dtype`."""

    def __init__(self, dtype: Any, count: int):
        self.dtype, self.count = dtype, count
        super().__init__(name=f"Lanes({dtype}, {count})")


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes):
        super().__init__(manager, kind, _vector(kind))  # type: ignore[no-untyped-call]


def _vector(kind: Lanes) -> Any:
    number = ir.FloatType() if kind.dtype == types.float32 else ir.DoubleType()
    return ir.VectorType(number, kind.count)


def _place(context: Any, builder: Any, kind: Any, lanes: Lanes, array: Any, at: Any) -> Any:
    """Pointer to the row that begins at number `at` of an array's memory."""
    data = context.make_array(kind)(context, builder, array).data
    start = cgutils.gep_inbounds(builder, data, at)  # type: ignore[no-untyped-call]
    return builder.bitcast(start, _vector(lanes).as_pointer())


@_intrinsic
def load(typing: Any, array: Any, at: Any, count: Any) -> Any:
    """The `count` numbers (a literal) from number `at` of an array's memory on."""
    if not isinstance(count, types.IntegerLiteral):  # numba asks with and without its value
        return None
    kind = Lanes(array.dtype, count.literal_value)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place = _place(context, builder, array, kind, given[0], given[1])
        return builder.load(place, align=array.dtype.bitwidth // 8, typ=_vector(kind))

    return kind(array, types.uintp, count), generate


@_intrinsic
def store(typing: Any, array: Any, at: Any, row: Any) -> Any:
    """Write a row from number `at` of an array's memory on."""
    kind = Lanes(array.dtype, row.count)

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place = _place(context, builder, array, kind, given[0], given[1])
        value = _converted(builder, given[2], row, kind)
        builder.store(value, place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.uintp, row), generate


def _converted(builder: Any, value: Any, have: Lanes, want: Lanes) -> Any:
    if have.dtype.bitwidth > want.dtype.bitwidth:
        return builder.fptrunc(value, _vector(want))
    if have.dtype.bitwidth < want.dtype.bitwidth:
        return builder.fpext(value, _vector(want))
    return value


@_intrinsic
def spread(typing: Any, number: Any, row: Any) -> Any:
    """A row of the type of `row` with one number in every place."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        one = context.cast(builder, given[0], number, row.dtype)
        value = ir.Constant(_vector(row), ir.Undefined)
        for place in range(row.count):
            value = builder.insert_element(value, one, ir.Constant(ir.IntType(32), place))
        return value

    return row(number, row), generate


def _arithmetic(symbol: Any, instruction: str) -> None:
    @_intrinsic
    def both(typing: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            return getattr(builder, instruction)(*given, flags=_FLAGS)

        return a(a, b), generate

    @overload(symbol, inline="always")
    def chosen(a, b):  # type: ignore[no-untyped-def]  # numba compares it with the lambda
        if isinstance(a, Lanes) and a == b:
            return lambda a, b: both(a, b)
        if isinstance(a, types.Float) and isinstance(b, Lanes):
            return lambda a, b: both(spread(a, b), b)
        return None


for _symbol, _instruction in (
    (operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")
):  # fmt: skip
    _arithmetic(_symbol, _instruction)
