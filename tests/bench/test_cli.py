import pytest

from bench.cli import app


@pytest.mark.parametrize(
    ("name", "says"),
    [("pipelin", "no benchmark 'pipelin'; did you mean pipeline? there are: "), ("x", "; there are: ")],
)
def test_an_unknown_benchmark_is_told_which_there_are(name: str, says: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert app([name], result_action="return_value") == 2
    error = capfd.readouterr().err
    assert says in error
    assert "pipeline, engines, soak, flow, spotting, narration, gpu, screens" in error
