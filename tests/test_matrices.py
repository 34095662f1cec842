"""Which cases of a large matrix are run."""

from itertools import product

from tests.conftest import ONE_OF, _part_of


class Case:
    """A case as pytest collects it, with its parameters."""

    def __init__(self, **params):
        self.params = params
        self.callspec = self


def test_each_value_is_shown_by_few_cases():
    cases = [Case(kind=kind, size=size) for kind, size in product("abc", range(20))]
    part = _part_of(cases)
    assert {case.params["kind"] for case in part} == set("abc")
    assert {case.params["size"] for case in part} == set(range(20))
    assert len(part) == 20
    assert part == _part_of(cases)


def test_rows_show_their_own_values():
    rows = [{"pad": number % 4, "bias": number > 20} for number in range(40)]
    part = _part_of([Case(row=row) for row in rows])
    assert {case.params["row"]["pad"] for case in part} == set(range(4))
    assert {case.params["row"]["bias"] for case in part} == {False, True}
    assert len(part) == len(rows) // ONE_OF


def test_cases_that_have_nothing_in_common_are_taken_evenly():
    cases = [Case(number=number) for number in range(40)]
    assert {case.params["number"] for case in _part_of(cases)} == set(range(0, 40, ONE_OF))
