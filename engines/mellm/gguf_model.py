"""A GGUF model on llama.cpp, through the C interface that llama-cpp-python brings along.

One thread, greedy, and what the new prompt has in common with the last one is not computed again. The C interface is
used rather than the package's own class, so that a prompt can be given up half-way and a grammar costs nothing while
the model keeps to it.
"""

import codecs
import ctypes
import importlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.mellm.answer import ModelError, StreamError
from engines.mellm.llama_library import has_amx, llama_library, llama_log

PROMPT_KEY = "mellm.prompt"
"""Metadata key by which a model tells which prompt it was trained with; "house" is `prompt.house_prompt`."""

_CHUNK = 32  # prompt tokens at a time; between two chunks a prompt can be given up
_ROOM = 256  # tokens of the context that are left for the answer…
_LONGEST = 1024  # …and the most that are written
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])  # llama_token_data


class GgufModel:
    """A language model from a file. Used from one thread at a time; it sees to that itself."""

    def __init__(self, path: Path, context: int = 2048, threads: int = 1, grammar: str = "") -> None:
        """Load it.

        Args:
            path: of the .gguf.
            context: most tokens of prompt and answer together; fewer if the model was trained with fewer.
            threads: of the computation.
            grammar: GBNF that the answers must follow; empty for none.

        Raises:
            ModelError: it cannot be used, with the reason and, where there is one, the remedy.
        """
        check_file(path)
        self._c = llama_library(path)
        self.name = f"gguf:{path.name}"
        self._model: Any = None
        self._context: Any = None
        self._held: list[int] = []
        self._lock = threading.RLock()
        self._closed = False
        self._grammar = grammar
        try:
            self._load(path, context, threads)
            self._format = self._chat_format(path)
            self.chat("…")
        except BaseException as error:
            self.close()
            if isinstance(error, (ModelError, KeyboardInterrupt)):
                raise
            raise ModelError(f"{path}: its chat template cannot be used ({error})") from error

    @property
    def prompt_style(self) -> str:
        """What the model says of its prompt (`PROMPT_KEY`); empty if nothing."""
        return self._metadata(PROMPT_KEY)

    def chat(self, content: str) -> str:
        """A message of the user's, as the model's chat template puts it, up to where its answer begins."""
        messages = [{"role": "user", "content": content}]
        return str(self._format(messages=messages, enable_thinking=False).prompt)

    def fits(self, content: str) -> bool:
        """Whether a message leaves room in the context for an answer."""
        return len(self._tokens(self.chat(content))) + min(_ROOM, self._size // 4) <= self._size

    def prime(self, contents: Sequence[str]) -> None:
        """Compute what some messages have in common, so that such a message is begun sooner.

        Raises:
            StreamError: it cannot be computed.
        """
        with self._lock:
            first, *others = (self._tokens(self.chat(content)) for content in contents)
            shared = min((_shared(first, other) for other in others), default=len(first))
            if 0 < shared <= self._size:
                self._hold(first[:shared], lambda: self._closed)

    def stream(self, content: str, stopped: Callable[[], bool]) -> Iterator[str]:
        """Answer a message: pieces of text as they are made.

        Args:
            content: of the message.
            stopped: asked often; once it says yes, the answer ends.

        Raises:
            StreamError: the message does not fit, or the model fails.
        """
        with self._lock:
            tokens = self._tokens(self.chat(content))
            if len(tokens) >= self._size:
                raise StreamError(f"the prompt is {len(tokens)} tokens long, the context {self._size}")
            if not self._hold(tokens, stopped):
                return
            sampler = self._sampler()
            try:
                yield from self._write(sampler, stopped)
            finally:
                if sampler:
                    self._c.llama_sampler_free(sampler)

    def close(self) -> None:
        """Release the model; one that is still being asked is left to the end of the process."""
        self._closed = True
        if not self._lock.acquire(timeout=0.5):
            return
        try:
            if self._context:
                self._c.llama_free(self._context)
            if self._model:
                self._c.llama_model_free(self._model)
            self._context = self._model = None
        finally:
            self._lock.release()

    def _load(self, path: Path, context: int, threads: int) -> None:
        log = llama_log(self._c)
        log.clear()
        settings = self._c.llama_model_default_params()
        settings.n_gpu_layers = 0
        settings.use_extra_bufts = not has_amx()
        self._model = self._c.llama_model_load_from_file(str(path).encode(), settings)
        if not self._model:
            raise ModelError(f"{path}: llama.cpp cannot load it ({log.reason()})")
        if not self._c.llama_model_has_decoder(self._model) or self._c.llama_model_has_encoder(self._model):
            raise ModelError(f"{path}: is no model that goes on with a text")
        trained = int(self._c.llama_model_n_ctx_train(self._model))
        options = self._c.llama_context_default_params()
        options.n_ctx = min(context, trained) if trained > 0 else context
        options.n_batch = options.n_ubatch = _CHUNK
        options.n_threads = options.n_threads_batch = threads
        options.no_perf = True
        self._context = self._c.llama_init_from_model(self._model, options)
        if not self._context:
            raise ModelError(f"{path}: llama.cpp cannot run it ({log.reason()})")
        self._size = min(int(self._c.llama_n_ctx(self._context)), int(options.n_ctx))
        self._vocabulary = self._c.llama_model_get_vocab(self._model)
        self._words = int(self._c.llama_vocab_n_tokens(self._vocabulary))
        if self._grammar:
            sampler = self._sampler()
            if not sampler:
                raise ModelError(f"{path}: llama.cpp refuses the grammar ({log.reason()})")
            self._c.llama_sampler_free(sampler)

    def _chat_format(self, path: Path) -> Any:
        template = self._c.llama_model_chat_template(self._model, None)
        if not template:
            raise ModelError(
                f"{path}: has no chat template, so how to ask it is not known; take one tuned to instructions"
            )
        formats = importlib.import_module("llama_cpp.llama_chat_format")
        self._begin = self._text_of(self._c.llama_vocab_bos(self._vocabulary))
        end = self._text_of(self._c.llama_vocab_eos(self._vocabulary))
        return formats.Jinja2ChatFormatter(template.decode("utf-8", "replace"), end, self._begin)

    def _text_of(self, token: int) -> str:
        if token < 0:
            return ""
        return str(self._c.llama_vocab_get_text(self._vocabulary, token).decode("utf-8", "replace"))

    def _metadata(self, key: str) -> str:
        buffer = ctypes.create_string_buffer(256)
        length = self._c.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if length >= 0 else ""

    def _tokens(self, text: str) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (self._c.llama_token * room)()
        special = not (self._begin and text.startswith(self._begin))  # templates may begin by themselves
        with self._lock:
            if self._closed:
                raise StreamError("the model is closed")
            count = self._c.llama_tokenize(self._vocabulary, data, len(data), tokens, room, special, True)
        if count < 0:
            raise StreamError("the prompt cannot be cut into tokens")
        return list(tokens[:count])

    def _hold(self, tokens: Sequence[int], stopped: Callable[[], bool]) -> bool:
        """Have the model in the state after some tokens, the last one's prediction ready; False if stopped before."""
        common = min(_shared(self._held, tokens), len(tokens) - 1)
        memory = self._c.llama_get_memory(self._context)
        if not self._c.llama_memory_seq_rm(memory, 0, common, -1):  # recurrent models forget only as a whole
            self._c.llama_memory_clear(memory, True)
            common = 0
        self._held = list(tokens[:common])
        while len(self._held) < len(tokens):
            if stopped():
                return False
            self._decode(tokens[len(self._held) : len(self._held) + _CHUNK])
        return True

    def _decode(self, tokens: Sequence[int]) -> None:
        array = (self._c.llama_token * len(tokens))(*tokens)
        status = self._c.llama_decode(self._context, self._c.llama_batch_get_one(array, len(tokens)))
        if status != 0:
            self._c.llama_memory_clear(self._c.llama_get_memory(self._context), True)
            self._held = []
            raise StreamError(f"llama.cpp cannot go on (status {status})")
        self._held += tokens

    def _sampler(self) -> Any:
        if not self._grammar:
            return None
        return self._c.llama_sampler_init_grammar(self._vocabulary, self._grammar.encode(), b"root")

    def _write(self, sampler: Any, stopped: Callable[[], bool]) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        for _ in range(min(_LONGEST, self._size - len(self._held))):
            token = self._choose(sampler)
            if token < 0 or self._c.llama_vocab_is_eog(self._vocabulary, token):
                return
            if sampler:
                self._c.llama_sampler_accept(sampler, token)
            piece = decoder.decode(self._piece(token))
            if piece:
                yield piece
            if stopped() or len(self._held) >= self._size:
                return
            self._decode([token])

    def _choose(self, sampler: Any) -> int:
        """The likeliest token that the grammar allows; -1 if there is none."""
        logits = np.ctypeslib.as_array(self._c.llama_get_logits_ith(self._context, -1), (self._words,))
        best = int(logits.argmax())
        if not np.isfinite(logits[best]):
            raise StreamError("the model computes no numbers; the file is damaged")
        if not sampler or np.isfinite(self._allowed(sampler, np.array([best], np.int32), logits)[0]):
            return best
        allowed = self._allowed(sampler, np.arange(self._words, dtype=np.int32), logits)
        best = int(allowed.argmax())
        return best if np.isfinite(allowed[best]) else -1

    def _allowed(self, sampler: Any, tokens: "np.ndarray[Any, np.dtype[np.int32]]", logits: Any) -> Any:
        """The logits of some tokens, -inf where the grammar forbids one."""
        candidates = np.zeros(len(tokens), _CANDIDATE)
        candidates["id"], candidates["logit"] = tokens, logits[tokens]
        data = candidates.ctypes.data_as(ctypes.POINTER(self._c.llama_token_data))
        array = self._c.llama_token_data_array(data, len(tokens), -1, False)
        self._c.llama_sampler_apply(sampler, ctypes.byref(array))
        return candidates["logit"]

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        length = self._c.llama_token_to_piece(self._vocabulary, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(length, 0)]


def check_file(path: Path) -> None:
    """Refuse what does not even look like a GGUF file.

    Raises:
        ModelError: it is not there, cannot be read, or is something else.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"{path}: {'no such file' if not path.exists() else error.strerror}") from error
    if magic != b"GGUF":
        raise ModelError(f"{path}: is no GGUF file")


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two lists begin with alike."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))
