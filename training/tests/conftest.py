"""What the tests share: a tiny random model with a tokenizer trained on the spot, so that no test needs a download, and
the way to the repository and its TypeScript.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = REPOSITORY / "training" / "src"
# Commands that tests start find the package as this process does.
os.environ["PYTHONPATH"] = os.pathsep.join([str(SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])])

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
#: What the tiny tokenizer learns its merges from: English with the words of prompts and answers.
TEXTS = [
    "Explain whether the following document is relevant or not to the given question. Then end your response with a "
    "relevance label (0: irrelevant, 1: partially relevant, 2: relevant) and the symbol '##'. Question: how do I descale "
    "a boiler?\nDocument: Vinegar dissolves the chalk that hard water leaves in a boiler.",
    "The document explains how vinegar dissolves chalk, which answers the question.\n\nRelevance Label: 2 ##",
    "The document is about wood stoves and is irrelevant.\n\nRelevance Label: 0 ##",
    "Relevance Label: 1 ##\n1. boiler descaling\n2. vinegar chalk hard water ##",
]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder with a random two-layer Llama (some 60,000 parameters, seed 0), a byte-level BPE tokenizer in
    which each digit is one token, and a ChatML template. Made once a session; do not write into it."""
    import torch
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS * 20, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=special[1], eos_token=special[2], pad_token=special[0]
    )
    fast.chat_template = CHAT_TEMPLATE
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(fast),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=1024,
            bos_token_id=fast.bos_token_id,
            eos_token_id=fast.eos_token_id,
            pad_token_id=fast.pad_token_id,
            tie_word_embeddings=True,
        )
    )
    folder = tmp_path_factory.mktemp("tiny-model")
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_model(tiny_model_folder: Path) -> Any:
    """The tiny model, freshly loaded in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_model_folder, dtype=torch.float32)


@pytest.fixture(scope="session")
def tiny_tokenizer(tiny_model_folder: Path) -> Any:
    """The tiny model's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model_folder)


@pytest.fixture(scope="session")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Any], Any]:
    """`typescript(name, payload)`: what the program test/training/NAME.ts answers to a JSON value, for comparing the two
    sides. Needs the repository's node_modules (`npm ci`)."""
    folder = REPOSITORY / ".cache" / "training-tests"
    bundled: dict[str, Path] = {}

    def call(name: str, payload: Any) -> Any:
        if name not in bundled:
            target = folder / f"{name}.mjs"
            # Inside the repository, so that the bundle finds node_modules; not through .bin, whose shims Windows lacks.
            build = (
                "require('esbuild').buildSync({entryPoints:[process.argv[1]],outfile:process.argv[2],bundle:true,"
                "platform:'node',format:'esm',packages:'external',logLevel:'error'})"
            )
            entry = REPOSITORY / "test" / "training" / f"{name}.ts"
            subprocess.run(["node", "-e", build, str(entry), str(target)], cwd=REPOSITORY, check=True)
            bundled[name] = target
        done = subprocess.run(
            ["node", str(bundled[name])],
            input=json.dumps(payload).encode("utf-8"),
            capture_output=True,
            cwd=REPOSITORY,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return json.loads(done.stdout)

    return call
