"""The recipe for open models on a tiny model made here: only responses teach, stops are free."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'tune' (torch)")
transformers = pytest.importorskip("transformers", reason="needs the extra 'tune' (transformers)")
peft = pytest.importorskip("peft", reason="needs the extra 'tune' (peft)")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes"))

import finetune_open_model as recipe_of  # noqa: E402
from finetune_open_model import IGNORED, Recipe, encode, run  # noqa: E402
from revealed.foundation.errors import ConfigError  # noqa: E402
from revealed.respondents.tuning.datasets import read_chats  # noqa: E402

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
QUESTIONS = ("how are you", "what is a tree", "name a number", "say a word", "where is it",
             "who goes there")  # fmt: skip
ANSWERS = ("very well", "a plant", "seven", "cloud", "over there", "a friend")


def chats(n: int = 24) -> bytes:
    rows = []
    for k in range(n):
        messages = [{"role": "user", "content": f"{QUESTIONS[k % 6]} {k}"},
                    {"role": "assistant", "content": ANSWERS[k % 6]}]  # fmt: skip
        if k % 4 == 0:
            messages = [{"role": "system", "content": "be brief"}, *messages, *messages]
        rows.append(json.dumps({"messages": messages}))
    return "\n".join(rows).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tokenizer of bytes and merges, and a Llama of two small layers."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    place = tmp_path_factory.mktemp("tiny")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|user|>", "<|assistant|>", "<|system|>", "<|end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator([chats().decode()], trainer)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", chat_template=TEMPLATE
    )
    fast.save_pretrained(place)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(fast), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        eos_token_id=fast.eos_token_id, bos_token_id=None, initializer_range=0.2,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(place)
    return place


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "chats.jsonl"
    path.write_bytes(chats())
    return path


def tiny(folder: Path, **changes: Any) -> Recipe:
    base = Recipe(
        str(folder), rank=4, alpha=8, learning_rate=2e-2, epochs=4, accumulate=2, warmup=2,
        dtype="float32", seed=3,
    )  # fmt: skip
    return replace(base, **changes)


def silent(text: str) -> None: ...


def tokenizer_of(folder: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(folder)


def test_the_defaults_are_the_published_recipe() -> None:
    told = Recipe("m")
    assert (told.rank, told.alpha, told.learning_rate, told.epochs) == (32, 64, 1e-5, 1)
    assert told.batch * told.accumulate == 16
    lora = peft.LoraConfig(r=told.rank, lora_alpha=told.alpha, use_rslora=True)
    # Rank-stabilised: alpha over the root of the rank.
    assert lora.lora_alpha / lora.r**0.5 == pytest.approx(11.3137, abs=1e-3)


def test_labels_are_the_responses_and_their_ends(folder: Path) -> None:
    tokenizer = tokenizer_of(folder)
    for chat in read_chats(chats(8), "x").chats:
        example = encode(tokenizer, chat)
        told = tokenizer.decode([t for t in example.labels if t != IGNORED])
        said = [m["content"] for m in chat if m["role"] == "assistant"]
        assert told == "".join(f"{text}<|end|>\n" for text in said)
        assert tokenizer.decode(example.tokens) == tokenizer.apply_chat_template(
            list(chat), tokenize=False
        )


def test_gradients_ignore_what_was_asked(folder: Path) -> None:
    """The loss's gradient at the logits is zero wherever a prompt's token is foretold."""
    tokenizer = tokenizer_of(folder)
    example = encode(tokenizer, read_chats(chats(1), "x").chats[0])
    batch = recipe_of.padded([example, example], 0, torch.device("cpu"))
    logits = torch.randn(*batch["input_ids"].shape, len(tokenizer), requires_grad=True)

    class Fixed:
        def __call__(self, **_: Any) -> Any:
            return type("Out", (), {"logits": logits})

    loss, count = recipe_of.response_loss(Fixed(), batch)
    loss.backward()
    touched = logits.grad.abs().sum(dim=-1) > 0
    foretold = torch.cat([batch["labels"][:, 1:] != IGNORED, torch.zeros(2, 1, dtype=bool)], dim=1)
    assert torch.equal(touched, foretold)
    assert count == int(foretold.sum())
    # The oracle: the sum over response tokens alone, term by term.
    wanted = -sum(
        float(torch.log_softmax(row[k], -1)[label])
        for row in logits.detach()
        for k, label in enumerate(example.labels[1:]) if label != IGNORED
    )  # fmt: skip
    assert loss.item() == pytest.approx(wanted, rel=1e-5)


def test_the_adapter_learns_from_responses_alone(folder: Path) -> None:
    """Its gradient is that of the responses' log-likelihood, written out; not that of all text."""
    model = recipe_of.adapted(
        transformers.AutoModelForCausalLM.from_pretrained(folder), tiny(folder)
    )
    example = encode(tokenizer_of(folder), read_chats(chats(1), "x").chats[0])
    tokens = torch.tensor([example.tokens])

    def gradient(loss: Any) -> Any:
        model.zero_grad()
        loss.backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    def likelihood(places: list[int]) -> Any:
        chances = torch.log_softmax(model(input_ids=tokens).logits[0], -1)
        return -sum(chances[k - 1, example.tokens[k]] for k in places)

    everything = range(1, len(example.tokens))
    said = [k for k in everything if example.labels[k] != IGNORED]
    batch = recipe_of.padded([example], 0, torch.device("cpu"))
    found = gradient(recipe_of.response_loss(model, batch)[0])
    assert torch.count_nonzero(found) > 0
    assert torch.allclose(found, gradient(likelihood(said)), rtol=1e-3, atol=1e-5)
    assert not torch.allclose(found, gradient(likelihood(list(everything))), rtol=0.1)


def test_padding_and_batches_change_nothing(folder: Path) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = tokenizer_of(folder)
    examples = [encode(tokenizer, chat) for chat in read_chats(chats(5), "x").chats]
    device = torch.device("cpu")
    alone = sum(
        float(recipe_of.response_loss(model, recipe_of.padded([e], 0, device))[0]) for e in examples
    )
    together = float(recipe_of.response_loss(model, recipe_of.padded(examples, 0, device))[0])
    # Single precision, a few hundred terms.
    assert together == pytest.approx(alone, rel=1e-4)


def weights(out: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(out / "adapter_model.safetensors")


def test_loss_falls_on_responses_and_the_adapter_loads(
    folder: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    report = run(tiny(folder, rank=8, epochs=20), str(data), out, tell=silent)
    assert report["finished"]
    assert report == json.loads((out / "training.json").read_text())
    # 24 chats, 4 a step, 20 epochs; the answers are few and repeat, so that they can be learned.
    assert report["steps"] == 120
    assert report["loss"]["last"] < 0.5 * report["loss"]["first"]
    assert report["data"]["chats"] == 24
    assert report["data"]["too_long"] == 0
    base = transformers.AutoModelForCausalLM.from_pretrained(folder)
    examples = [encode(tokenizer_of(folder), c) for c in read_chats(chats(), "x").chats]
    batch = recipe_of.padded(examples, 0, torch.device("cpu"))
    before, count = recipe_of.response_loss(base, batch)
    tuned = peft.PeftModel.from_pretrained(base, out)
    assert tuned.peft_config["default"].use_rslora
    after, _ = recipe_of.response_loss(tuned, batch)
    assert float(after) / count < 0.5 * float(before) / count
    touched = {name.split(".")[-3] for name in weights(out)}
    assert touched == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def test_a_stopped_run_ends_as_an_undisturbed_one_and_the_seed_decides(
    folder: Path, data: Path, tmp_path: Path
) -> None:
    recipe = tiny(folder, epochs=2)
    run(recipe, str(data), tmp_path / "whole", tell=silent)
    parts = tmp_path / "parts"
    report = run(recipe, str(data), parts, stop_after=5, tell=silent)
    assert not report["finished"]
    assert not (parts / "training.json").exists()
    assert not (parts / "adapter_model.safetensors").exists()
    report = run(recipe, str(data), parts, tell=silent)
    assert report["finished"]
    whole, other = weights(tmp_path / "whole"), weights(parts)
    assert all(torch.equal(whole[name], other[name]) for name in whole)
    # A finished run is not trained further.
    run(recipe, str(data), parts, tell=silent)
    run(replace(recipe, seed=4), str(data), tmp_path / "seed", tell=silent)
    assert not all(torch.equal(whole[n], w) for n, w in weights(tmp_path / "seed").items())
    with pytest.raises(ConfigError, match="another recipe"):
        run(replace(recipe, rank=2), str(data), parts, tell=silent)


def test_long_chats_are_left_out_and_counted(folder: Path, data: Path, tmp_path: Path) -> None:
    lengths = sorted(
        len(encode(tokenizer_of(folder), c).tokens) for c in read_chats(chats(), "x").chats
    )
    recipe = tiny(folder, epochs=1, max_tokens=lengths[11])
    report = run(recipe, str(data), tmp_path / "out", tell=silent)
    assert report["data"]["too_long"] == sum(n > lengths[11] for n in lengths) > 0
    with pytest.raises(ConfigError, match="no chat has at most 2 tokens"):
        run(replace(recipe, max_tokens=2), str(data), tmp_path / "none", tell=silent)


def test_a_template_that_changes_what_came_before_is_refused(folder: Path) -> None:
    tokenizer = tokenizer_of(folder)
    tokenizer.chat_template = TEMPLATE.replace("{{ m['content'] }}", "{{ messages|length }}")
    with pytest.raises(ConfigError, match="chat template"):
        encode(tokenizer, read_chats(chats(1), "x").chats[0])


def test_the_command_line_says_what_is_wrong(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"messages": []}\n')
    words = ["--model", str(folder), "--dataset", str(bad), "--out", str(tmp_path / "out")]
    assert recipe_of.main(words) != 0
    told = capsys.readouterr().err
    assert "line 1" in told
    assert "Traceback" not in told
    good = tmp_path / "good.jsonl"
    good.write_bytes(chats(4))
    words = ["--model", str(folder), "--dataset", str(good), "--out", str(tmp_path / "out"),
             "--rank", "2", "--learning-rate", "0.001", "--dtype", "float32"]  # fmt: skip
    assert recipe_of.main(words) == 0
    told = json.loads((tmp_path / "out" / "training.json").read_text())
    assert (told["recipe"]["rank"], told["recipe"]["learning_rate"]) == (2, 0.001)
