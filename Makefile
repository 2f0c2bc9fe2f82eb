# Everything happens in .venv, made from requirements.lock, so that pip has nothing to resolve.
PYTHON ?= $(shell for p in python3.12 python3.11 python3.10 python3; do \
	$$p -c 'import sys; sys.exit(not (3,10) <= sys.version_info[:2] < (3,13))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
WHEELS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mellm-live/wheels
LLAMA := llama-cpp-python==0.3.36

.PHONY: help demo test lint bench install narrator trainer compiler lock clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: install ## the main job on the built-in phantom: 20 s, no camera needed
	@$(BIN)/mellm live phantom --seconds 20

# In three processes: torch, llama.cpp, OpenVINO and a browser's driver are never all in one process of the product either.
test: install ## the test suite
	@$(BIN)/python -m pytest tests/calib tests/engines
	@$(BIN)/python -m pytest tests/realtime
	@$(BIN)/python -m pytest tests/bench tests/test_*.py

lint: install ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: install ## what this machine gives: 60 fps for 30 s, the highest rate, and what is over budget (a few minutes)
	@$(BIN)/mellm bench pipeline --fps 60 --seconds 30

install: .venv/installed ## the environment in .venv

.venv/installed: requirements.lock pyproject.toml check_system.py
	@if [ -z "$(PYTHON)" ]; then echo "error: CPython 3.10, 3.11 or 3.12 is needed: sudo apt-get install python3 python3-venv"; exit 1; fi
	@$(PYTHON) check_system.py before
	@echo "installing into .venv (once, about a minute) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --editable .
	@$(BIN)/python check_system.py after
	@touch $@

narrator: install ## llama-cpp-python, built once (4 to 8 minutes) and kept in $(WHEELS)
	@$(PYTHON) check_system.py compiler
	@mkdir -p $(WHEELS)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-index --find-links $(WHEELS) '$(LLAMA)' 2>/dev/null \
	|| { echo "building $(LLAMA) (once, 4 to 8 minutes) …" \
	&& $(BIN)/python -m pip wheel -qq --disable-pip-version-check --no-deps --wheel-dir $(WHEELS) '$(LLAMA)' \
	&& $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-index --find-links $(WHEELS) '$(LLAMA)'; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check 'diskcache>=5.6.1' 'jinja2>=2.11.3' 'numpy<2'
	@$(BIN)/python -c 'import llama_cpp; print("llama-cpp-python", llama_cpp.__version__, "works")'

trainer: install ## torch, ONNX and Hugging Face's libraries, to train MEFlowNet and the narrator
	@$(BIN)/python -m pip install -qq --disable-pip-version-check 'torch==2.13.0' 'onnx<1.23' 'onnxruntime>=1.20' 'ml-dtypes<0.6' \
	  'transformers>=4.57,<5' 'peft>=0.17,<0.22' 'tokenizers>=0.22,<0.24' 'safetensors>=0.5' 'gguf>=0.17,<0.20' 'numpy<2' 'protobuf<5'
	@$(BIN)/python -c 'import torch; print("torch", torch.__version__, "on", "a GPU" if torch.cuda.is_available() else "the CPU")'

compiler: install ## TensorRT for RTX, which compiles MEFlowNet for NVIDIA GPUs on any machine
	@$(BIN)/python -m pip install -qq --disable-pip-version-check 'tensorrt-rtx>=1.7,<1.8'
	@$(BIN)/python -c 'import tensorrt_rtx; print("TensorRT for RTX", tensorrt_rtx.__version__, "compiles")'

lock: ## requirements.lock anew, for every supported Python (needs uv)
	uv pip compile --quiet --universal --python-version 3.10 --group dev pyproject.toml --override requirements.override \
	  --no-header --no-annotate -o requirements.lock

clean: ## remove the environment and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
