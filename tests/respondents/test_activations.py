"""Activations: the file and what it refuses, and states of a tiny transformer made here."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from typer.testing import CliRunner

from revealed.foundation.errors import ConfigError, DataError, RespondentError
from revealed.instruments import load_instrument
from revealed.respondents import activations as a
from revealed.respondents.activations import hidden_states

TEXTS = {"one": "A cat sleeps.", "two": "It rains on a long grey road.", "three": "You win."}


def _made(**changes):
    about = a.About("m", "r", "outcomes", a.checksum(TEXTS), "mean", "float32", "simulated")
    trained = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float16)
    return replace(a.Activations(tuple(TEXTS), (0, 1, 2, 3), trained, -trained, about), **changes)


def test_written_and_read_back(tmp_path) -> None:
    path, made = tmp_path / "x.npz", _made()
    a.save_activations(made, path)
    read = a.load_activations(path, TEXTS)
    assert (read.trained == made.trained).all()
    assert (read.untrained == -made.trained).all()
    assert read.trained.dtype == np.float16
    assert (read.items, read.layers, read.about) == (made.items, made.layers, made.about)
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]
    a.save_activations(_made(untrained=None), path)
    assert a.load_activations(path).untrained is None


def _bad():
    made = _made()
    values = made.trained.copy()
    values[2, 1, 0] = np.nan
    return {
        "not finite in layer 2 for item 'two'": {"trained": values},
        "shape (4, 2, 5)": {"trained": made.trained[:, :2]},
        "holds int64": {"trained": np.zeros((4, 3, 5), np.int64)},
        "differs in shape": {"untrained": made.trained[:, :, :2]},
        "stands twice": {"items": ("one", "one", "three")},
    }


@pytest.mark.parametrize(("says", "changes"), _bad().items())
def test_bad_activations_are_not_written(tmp_path, says, changes) -> None:
    with pytest.raises(DataError) as error:
        a.save_activations(_made(**changes), tmp_path / "x.npz")
    assert says in str(error.value)
    assert not list(tmp_path.iterdir())


def test_bad_files_are_refused_with_the_reason(tmp_path) -> None:
    path = tmp_path / "x.npz"

    def refused(says, texts=None):
        with pytest.raises(DataError, match=says) as error:
            a.load_activations(path, texts)
        assert str(path) in str(error.value)

    refused("is not there")
    a.save_activations(_made(), path)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:length])
        refused("truncated")
    path.write_text("not an archive")
    refused("truncated")
    path.write_bytes(whole)
    refused("is not of the instrument", {"one": "x"})
    refused("lacks item 'four'", TEXTS | {"four": "x"})
    refused("checksum differs", TEXTS | {"one": "A cat sleeps!"})
    good = {"items": np.array(list(TEXTS)), "layers": np.arange(4), "trained": _made().trained}
    np.savez(path, **good)
    refused("lacks the array.s. about")
    np.savez(path, about=np.array("{"), **good)
    refused("about is not JSON")
    np.savez(path, about=np.array('{"model": "m"}'), **good)
    refused("about must have the fields")
    later = asdict(_made().about) | {"format": 99}
    np.savez(path, about=np.array(json.dumps(later)), **good)
    refused("is of format 99")
    np.savez(path, about=np.array(json.dumps(asdict(_made().about))),
             **good | {"trained": np.array([{"a": 1}], dtype=object)})  # fmt: skip
    refused("cannot be read")  # pickles are never opened
    with pytest.raises(DataError, match=r"ends in \.npz"):
        a.save_activations(_made(), tmp_path / "x.bin")


def test_checksum_depends_on_texts_and_not_on_their_order() -> None:
    assert a.checksum(TEXTS) == a.checksum(dict(reversed(TEXTS.items())))
    assert a.checksum(TEXTS) != a.checksum(TEXTS | {"one": "A cat sleeps"})
    assert a.checksum({"a": "b", "c": "d"}) != a.checksum({"a": "b\nc\x1fd"})


def test_planted_activations_hold_what_they_say() -> None:
    texts = load_instrument("outcomes").items["text"].head(200).to_dict()
    rng = np.random.default_rng(1)
    u = dict(zip(texts, rng.normal(size=200), strict=True))
    plan = a.Planted(utility=3.0, words=0.0, layer=2, layers=4)
    made = a.planted(texts, u, plan, "outcomes", seed=3)
    assert made.about.provenance == "simulated"
    again = a.planted(texts, u, plan, "outcomes", seed=3)
    assert (made.trained == again.trained).all()
    values = np.array(list(u.values()))

    def best(layer):  # the correlation of utility with its own least-squares direction
        centred = layer - layer.mean(axis=0)
        guess = centred @ np.linalg.lstsq(centred, values - values.mean(), rcond=None)[0]
        return np.corrcoef(guess, values)[0, 1]

    assert best(made.trained[2]) > 0.95
    assert max(best(made.trained[1]), best(made.untrained[2])) < 0.7
    with pytest.raises(DataError, match="layer 9 of 4"):
        a.planted(texts, u, replace(plan, layer=9), "outcomes")
    with pytest.raises(DataError, match="no utility"):
        a.planted(texts, {}, plan, "outcomes")


def test_without_torch_the_extra_is_named(monkeypatch) -> None:
    def absent(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(hidden_states.importlib, "import_module", absent)
    with pytest.raises(ConfigError, match=r"pip install '\.\[probe\]'"):
        a.extract("x", TEXTS, "outcomes")


# ---------------------------------------------------------------------------- a tiny transformer


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A GPT-2 of two layers with random weights, and a tokenizer of its words."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("tiny")
    words = sorted({w for text in TEXTS.values() for w in text.split()})
    vocabulary = {"[UNK]": 0} | {word: k + 1 for k, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=len(vocabulary), n_positions=64, n_embd=16, n_layer=2, n_head=2
    )
    transformers.GPT2Model(config).save_pretrained(folder)
    return folder


def test_states_of_a_tiny_transformer(tiny, tmp_path) -> None:
    import torch
    import transformers

    made = a.extract(str(tiny), TEXTS, "outcomes", batch=2)
    assert made.trained.shape == made.untrained.shape == (3, 3, 16)
    assert made.items == tuple(TEXTS)
    assert (made.about.model, made.about.revision) == (tiny.name, "local")
    assert not np.allclose(made.trained[1], made.untrained[1], atol=1e-2)
    # Each text on its own, without batches.
    model = transformers.AutoModel.from_pretrained(tiny).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    for k, text in enumerate(TEXTS.values()):
        with torch.no_grad():
            layers = model(
                torch.tensor([tokenizer(text)["input_ids"]]), output_hidden_states=True
            ).hidden_states
        for number, layer in enumerate(layers):
            # Half precision keeps three digits.
            assert made.trained[number, k] == pytest.approx(layer[0].mean(dim=0).numpy(), abs=3e-3)
    last = a.extract(str(tiny), TEXTS, "outcomes", pooling="last")
    assert not np.allclose(last.trained[2, 1], made.trained[2, 1], atol=1e-2)
    a.save_activations(made, tmp_path / "tiny.npz")
    assert a.load_activations(tmp_path / "tiny.npz", TEXTS).about == made.about


def test_the_command_writes_a_file_that_the_probes_read(tiny, tmp_path) -> None:
    from revealed.cli import app
    from revealed.measures import probes

    out = tmp_path / "activations" / "tiny.npz"
    done = CliRunner().invoke(app, ["activations", "--model", str(tiny), "--out", str(out)])
    assert done.exit_code == 0, done.output
    texts = load_instrument("outcomes").texts().to_dict()
    read = a.load_activations(out, texts)
    assert "3 layers" in done.output
    items = list(texts)[:60]
    found = probes.sources(read, items, texts, "numpy")
    y = np.random.default_rng(0).normal(size=60)
    probed = probes.probe(found, y, shuffles=2, backend="numpy")
    assert not probed.passes  # random weights, random utilities


def test_a_model_that_is_not_there(tmp_path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    with pytest.raises(RespondentError, match="cannot be loaded"):
        a.extract(str(tmp_path), TEXTS, "outcomes")
    with pytest.raises(ConfigError, match="unknown pooling"):
        a.extract(str(tmp_path), TEXTS, "outcomes", pooling="max")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="unknown dtype"):
        a.extract(str(tmp_path), TEXTS, "outcomes", dtype="int8")
