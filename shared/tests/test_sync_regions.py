"""Regions: what is taken out of a solution, what is left, and what is refused."""

import ast
from textwrap import dedent

import pytest

from shared.course.regions import RegionError
from shared.course.scopes import signatures
from shared.course.starters import starter_of

SOLUTION = dedent('''\
    """Counting."""

    from shared.contracts.todo import Todo


    class Counter:
        """Counts."""

        start = 1

        def next(self, step: int = 1) -> int:
            """Return the next number.

            The text "# <solution>" in a docstring is no mark.
            """
            # task 1.2: add the step,
            # and remember it
            # <solution>
            self.start += step

            def inner() -> int:
                return self.start

            return inner()
            # </solution>
            #: raise Todo("1.2")


    def total(numbers: list[int]) -> int:
        """Return the sum."""
        result = 0
        for number in numbers:
            # task 1.3: add it
            # <solution>
            result += number
            # </solution>
            #: if number:
            #:     raise Todo("1.3")
            #:
            #: break
        return result
''')


def starter(body: str) -> str:
    """Return the starter of a function with this body, its lines indented by four."""
    text = "def f(x: int) -> int:\n" + "".join(f"    {line}\n" for line in body.splitlines())
    return starter_of(text).text


def refusal(text: str) -> tuple[int, str]:
    """Return the line and the text with which `text` is refused."""
    with pytest.raises(RegionError) as caught:
        starter_of(dedent(text))
    return caught.value.line, str(caught.value)


def test_region_goes_and_its_replacement_is_uncommented() -> None:
    text = starter_of(SOLUTION).text
    assert "self.start += step" not in text
    assert "inner" not in text
    assert '        # and remember it\n        raise Todo("1.2")\n\n\ndef total' in text


def test_replacement_keeps_its_own_indentation_and_empty_lines() -> None:
    text = starter_of(SOLUTION).text
    expected = (
        '        if number:\n            raise Todo("1.3")\n\n        break\n    return result\n'
    )
    assert text.endswith(expected)


def test_everything_outside_regions_is_the_same() -> None:
    kept = [line for line in starter_of(SOLUTION).text.splitlines() if "Todo(" not in line]
    solution = SOLUTION.splitlines()
    positions = [solution.index(line) for line in kept if line.strip() and line in solution]
    assert positions == sorted(positions)
    assert '        The text "# <solution>" in a docstring is no mark.' in kept


def test_starter_compiles_and_has_the_same_signatures() -> None:
    text = starter_of(SOLUTION).text
    compile(text, "starter.py", "exec")
    assert signatures(ast.parse(text)) == signatures(ast.parse(SOLUTION))
    assert set(signatures(ast.parse(text))) == {"Counter", "Counter.next", "total"}


def test_source_without_regions_is_its_own_starter() -> None:
    text = '"""Nothing to do."""\n\nX = 1\n'
    assert starter_of(text).text == text
    assert starter_of("").text == ""


def test_two_regions_of_one_function_both_go() -> None:
    body = dedent("""\
        # task 1.1: first
        # <solution>
        y = x
        # </solution>
        #: y = 0
        # task 1.1: second
        # <solution>
        return y
        # </solution>
        #: raise Todo("1.1")""")
    expected = "    # task 1.1: first\n    y = 0\n    # task 1.1: second\n"
    assert starter(body) == f'def f(x: int) -> int:\n{expected}    raise Todo("1.1")\n'


def test_region_inside_a_block_stays_in_its_block() -> None:
    body = dedent("""\
        with lock:
            # task 1.1: do it
            # <solution>
            return x
            # </solution>
            #: raise Todo("1.1")
        return 0""")
    assert '    with lock:\n        # task 1.1: do it\n        raise Todo("1.1")\n' in starter(body)


def test_signature_over_several_lines_is_no_obstacle() -> None:
    text = dedent("""\
        @decorated(
            1,
        )
        async def f(
            x: int,
            y: tuple[
                int,
            ] = (1,),
        ) -> int:
            # task 1.1: do it
            # <solution>
            return x
            # </solution>
            #: raise Todo("1.1")
        """)
    assert starter_of(text).text.endswith(
        ') -> int:\n    # task 1.1: do it\n    raise Todo("1.1")\n'
    )


def test_nested_region_is_refused_with_both_lines() -> None:
    line, message = refusal("""\
        def f():
            # <solution>
            x = 1
            # <solution>
            # </solution>
            #: raise Todo("1.1")
        """)
    assert line == 4
    assert "inside the one of line 2" in message


def test_unclosed_region_is_refused() -> None:
    line, message = refusal("def f():\n    # <solution>\n    return 1\n")
    assert line == 2
    assert "got the end of the file" in message


def test_end_without_beginning_is_refused() -> None:
    line, message = refusal("def f():\n    return 1\n    # </solution>\n")
    assert line == 3
    assert 'without "# <solution>"' in message


@pytest.mark.parametrize(
    "text",
    [
        '# <solution>\nX = 1\n# </solution>\n#: raise Todo("1.1")\n',
        "class A:\n    # <solution>\n    x = 1\n    # </solution>\n    #: x = 0\n",
        "if True:\n    # <solution>\n    X = 1\n    # </solution>\n    #: X = 0\n",
        "def f(): ...\n\n\n# <solution>\nX = 1\n# </solution>\n#: X = 0\n",
        "def f():\n  class A:\n    # <solution>\n    x = 1\n    # </solution>\n    #: x = 0\n",
    ],
    ids=["module", "class", "if", "after a function", "class in a function"],
)
def test_region_outside_a_function_body_is_refused(text: str) -> None:
    assert "outside a function body" in refusal(text)[1]


def test_region_that_swallows_the_next_function_is_refused() -> None:
    line, message = refusal("""\
        def f():
            # <solution>
            return 1

        def g():
            return 2
            # </solution>
            #: raise Todo("1.1")
        """)
    assert line == 7
    assert "must end in the same function" in message


def test_region_with_nothing_in_its_place_is_refused() -> None:
    line, message = refusal("def f():\n    # <solution>\n    return 1\n    # </solution>\n")
    assert line == 4
    assert '"#: …"' in message


def test_replacement_without_a_region_is_refused() -> None:
    assert refusal('def f():\n    return 1\n    #: raise Todo("1.1")\n')[0] == 3


def test_replacement_inside_a_region_is_refused() -> None:
    line, message = refusal(
        'def f():\n    # <solution>\n    #: raise Todo("1.1")\n    return 1\n    # </solution>\n'
    )
    assert line == 3
    assert "belongs below" in message


@pytest.mark.parametrize("mark", ["#<solution>", "# <Solution>", "# solution>", "# </solutions>"])
def test_almost_a_mark_is_refused_rather_than_left(mark: str) -> None:
    line, message = refusal(f"def f():\n    {mark}\n    return 1\n")
    assert line == 2
    assert mark in message


def test_mark_beside_code_is_refused() -> None:
    assert refusal("def f():\n    x = 1  # <solution>\n    return x\n")[0] == 2


def test_source_that_is_not_python_is_refused_with_its_line() -> None:
    line, message = refusal("def f():\n    return (\n")
    assert line == 2
    assert "isn't Python" in message


def test_replacement_that_is_not_python_is_refused() -> None:
    message = refusal("def f():\n    # <solution>\n    return 1\n    # </solution>\n    #: (\n")[1]
    assert "what is left isn't Python" in message


def test_long_region_is_remarked_upon() -> None:
    lines = "\n".join(f"x{number} = {number}" for number in range(21))
    body = f'# task 1.1: much\n# <solution>\n{lines}\n# </solution>\n#: raise Todo("1.1")'
    text = "def f(x: int) -> int:\n" + "".join(f"    {line}\n" for line in body.splitlines())
    assert [line for line, remark in starter_of(text).remarks if "21 lines" in remark] == [3]


def test_prompt_and_todo_of_two_tasks_are_remarked_upon() -> None:
    text = SOLUTION.replace('Todo("1.2")', 'Todo("1.4")')
    assert "1.2, 1.4" in starter_of(text).remarks[0][1]
