import pytest

from bench.cli import app, main


@pytest.mark.parametrize(
    ("name", "says"),
    [("pipelin", "no benchmark 'pipelin'; did you mean pipeline? there are: "), ("x", "; there are: ")],
)
def test_an_unknown_benchmark_is_told_which_there_are(name: str, says: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert app([name], result_action="return_value") == 2
    error = capfd.readouterr().err
    assert says in error
    assert "pipeline, engines, soak, flow, spotting, narration, gpu, screens" in error


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("flow x y", "Not understood: x y. For help: python -m bench flow --help"),
        ("flow --nope", "Unknown option: --nope. For help: python -m bench flow --help"),
        ("--xyz", "Unknown option: --xyz. For help: python -m bench --help"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line_with_where_the_help_is(
    line: str, says: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", *line.split()])
    assert main() == 2
    assert capfd.readouterr() == ("", f"error: {says}\n")
