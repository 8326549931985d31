"""The head that answers in words: its loss by hand, an overfitted network, actions left alone."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional

from policy.model.language import answer_loss, left_padded
from policy.model.processor import Processor
from policy.model.qwen_vla import QwenVLA
from policy.model.words import PAD

QUESTIONS = ("what is on the table?", "point to the red cube, please")
ANSWERS = ("a red cube", "[512, 87]")


@pytest.fixture(scope="module")
def pictures(config):
    rng = np.random.default_rng(0)
    sizes = config.image_sizes.items()
    return [
        {name: rng.integers(0, 255, (*size, 3), np.uint8) for name, size in sizes}
        for _ in QUESTIONS
    ]


@pytest.fixture(scope="module")
def learnt(config, processor, pictures):
    """A network that has learnt the answers by heart."""
    torch.manual_seed(0)
    network = QwenVLA(config)
    rows = [processor.encode(*given) for given in zip(QUESTIONS, pictures, ANSWERS, strict=True)]
    inputs, labels = processor.collate(rows)
    optimizer = torch.optim.AdamW(network.backbone.parameters(), 3e-3)
    for _ in range(60):
        loss = network.answer_loss(network.see(inputs).hidden, labels).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < 0.05:
            break
    return network.eval()


def test_the_loss_is_the_mean_over_each_samples_own_answer():
    torch.manual_seed(0)
    head = torch.nn.Linear(8, 11)
    hidden = torch.randn(3, 6, 8)
    labels = torch.full((3, 6), -100)
    labels[0, 4:] = torch.tensor([3, 7])
    labels[1, 2] = 5

    expected = torch.stack(
        [
            functional.cross_entropy(head(hidden[0, 3:5]), torch.tensor([3, 7])),
            functional.cross_entropy(head(hidden[1, 1:2]), torch.tensor([5])),
            torch.zeros(()),
        ]
    )
    torch.testing.assert_close(answer_loss(head, hidden, labels), expected)


def test_without_any_answer_the_loss_is_zero_and_so_are_its_gradients():
    head, hidden = torch.nn.Linear(8, 11), torch.randn(2, 6, 8, requires_grad=True)

    loss = answer_loss(head, hidden, torch.full((2, 6), -100))
    loss.sum().backward()
    assert loss.tolist() == [0, 0]
    assert not hidden.grad.any()


def test_padding_moves_to_the_front_and_keeps_the_tokens(processor, pictures):
    rows = [processor.encode(q, {}, "") for q in QUESTIONS]
    inputs = processor.collate(rows)[0]

    moved = left_padded(inputs)
    for row, encoded in enumerate(rows):
        real = moved["attention_mask"][row].bool()
        assert moved["input_ids"][row, real].tolist() == encoded.ids
        assert real[-len(encoded.ids) :].all()


def test_what_was_learnt_is_answered_alone_and_in_a_batch(learnt, processor, tokenizer, pictures):
    rows = [processor.encode(q, p, "") for q, p in zip(QUESTIONS, pictures, strict=True)]
    together = learnt.answer(processor.collate(rows)[0], 16, tokenizer)
    alone = [
        learnt.answer(processor.question(q, p), 16, tokenizer)[0]
        for q, p in zip(QUESTIONS, pictures, strict=True)
    ]

    assert together == list(ANSWERS)
    assert alone == list(ANSWERS)


def test_an_answer_stops_at_its_limit(learnt, processor, tokenizer, pictures):
    said = learnt.answer(processor.question(QUESTIONS[0], pictures[0]), 1, tokenizer)[0]
    assert ANSWERS[0].startswith(said)
    assert said != ANSWERS[0]


def test_answering_leaves_actions_as_they_were(learnt, processor, tokenizer, pictures, config):
    inputs = processor(["pick up the red cube"], pictures[:1])
    shape = (1, config.horizon, config.channels)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))

    def act():
        return learnt.predict(inputs, torch.zeros(1, config.channels), torch.ones(shape), noise)

    before = act()
    learnt.answer(processor.question(QUESTIONS[1], pictures[1]), 4, tokenizer)
    torch.testing.assert_close(act(), before, atol=0, rtol=0)


def test_actions_do_not_depend_on_the_head(config, processor, pictures):
    torch.manual_seed(0)
    untied = dict(config.backbone, tie_word_embeddings=False)
    untied["text_config"] = dict(untied["text_config"], tie_word_embeddings=False)
    network = QwenVLA(dataclasses.replace(config, backbone=untied)).eval()
    inputs = processor(["pick up the red cube"], pictures[:1])
    with torch.no_grad():
        before = network.see(inputs).hidden
        network.backbone.lm_head.weight.normal_()
        assert torch.equal(network.see(inputs).hidden, before)


def test_an_answer_ends_with_its_turn_whatever_the_tokenizer_calls_the_end(
    learnt, processor, tokenizer, pictures
):
    """Base models name the end of the text as eos; an answer ends before."""
    other = copy.deepcopy(tokenizer)
    other.eos_token = PAD
    inputs = processor.question(QUESTIONS[0], pictures[0])
    assert learnt.answer(inputs, 16, other) == [ANSWERS[0]]


def test_a_network_that_thinks_is_asked_after_an_empty_thought(config, tokenizer, pictures):
    thinking = Processor(dataclasses.replace(config, think_block=True), tokenizer)
    plain, thought = (
        tokenizer.decode(each.encode(QUESTIONS[0], {}, ANSWERS[0]).ids)
        for each in (Processor(config, tokenizer), thinking)
    )
    assert plain.endswith(f"assistant\n{ANSWERS[0]}<|im_end|>")
    assert thought.endswith(f"assistant\n<think>\n\n</think>\n\n{ANSWERS[0]}<|im_end|>")
    encoded = thinking.encode(QUESTIONS[0], {}, ANSWERS[0])
    assert tokenizer.decode(encoded.ids[-encoded.answer :]) == f"{ANSWERS[0]}<|im_end|>"
