import pytest

pytest.importorskip("transformers")

from transformers import PreTrainedTokenizerFast

from engines.mellm.instruct.wording import Reading, write_answer
from engines.mellm.prompt import movement_lines
from engines.mellm.tokens import BEGIN, END, measured_tokens, train_tokenizer
from tests.engines.mellm.measured import facts_of


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    texts = [write_answer(facts_of(["AU4"]), Reading(("AU4",), "negative", 0.75), manner) for manner in range(8)]
    return train_tokenizer(texts)


def test_a_line_of_the_prompt_is_six_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    facts = facts_of(["LAU12"])
    tokens = tokenizer.encode(movement_lines(facts) + "\n=3\n", add_special_tokens=False)
    assert len(tokens) == 6 * len(facts.moving) + 3


def test_any_text_survives(tokenizer: PreTrainedTokenizerFast) -> None:
    for text in ("Left Cheek up-left 140° 2.1 px 2.2%\n=3\n", "naïve – 你好 \t x", " 2.1 pxx AU12LAU12", ""):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_what_is_measured_is_one_token_each(tokenizer: PreTrainedTokenizerFast) -> None:
    known = measured_tokens()
    assert len(set(known)) == len(known)
    for text in known:
        assert len(tokenizer.encode(text, add_special_tokens=False)) == 1


def test_a_conversation_begins_and_ends_with_its_marks(tokenizer: PreTrainedTokenizerFast) -> None:
    turns = [{"role": "user", "content": "a\n"}, {"role": "assistant", "content": "b"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False) == f"{BEGIN}a\nb{END}"
    assert tokenizer.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True) == f"{BEGIN}a\n"
