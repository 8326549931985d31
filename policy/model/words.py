"""The tokenizer of a small Qwen-VLA, trained on the words robots are told; a real one is loaded.

Byte-level BPE, as Qwen's: any text has tokens, common robot words have few. As there, every digit
is a token of its own, so that numbers never seen together are read as well as others.
"""

from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

PAD, TURN, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
IMAGE, VIDEO = "<|image_pad|>", "<|video_pad|>"
VISION_START, VISION_END = "<|vision_start|>", "<|vision_end|>"
THINK, THOUGHT = "<think>", "</think>"
SPECIAL = (PAD, TURN, END, VISION_START, VISION_END, IMAGE, VIDEO)

PHRASES = (
    "The robot is ",
    " with dual arms",
    " with single arm",
    ". The control frequency is ",
    " Hz. Please predict the next ",
    " control actions to execute the following task: ",
)
"""Fixed parts of the embodiment prompt, one token each: a small network pays for every token."""

COMMON = """
pick up grasp grab take lift raise transfer hold put place drop release give hand pass move push
pull slide turn rotate open close insert stack sort swap line align pour wipe fold clean press
reach bring the a an with using by from to into onto on in at over under above below beside next
between near left right front back top bottom middle center both other same first second third
last every red green blue yellow orange purple black white brown grey pink cube block box ball
cylinder peg socket cup bowl plate bottle can drawer door lid towel pen tool arm gripper hand
robot table tray bin container object thing one it its them and then please now go do not stop
what where which how many is are there point color of ALOHA waist mobile base actions are
absolute joint positions across ahead all arrange away balls blocks build cans closest colour
containers could cubes cylinders dish each edge end everything exchange farthest form further
furthest hole inside lay leftmost make me more nearest objects off opposite pile pin places plug
pushing rightmost row set shove side sliding sphere spheres stick store switch that things tidy
towards tower use way you 0 1 2 3 4 5 6 7 8 9
cyan brick bricks prism prisms rod rods bowls trays pegs sockets look does do have has name colours
colour shape see closer nearer camera or air lie lies closed holds held none nothing count draw
around view give find show box point path kind
"""


def train_tokenizer(
    texts: Iterable[str], tags: Iterable[str] = (), size: int = 1152
) -> PreTrainedTokenizerFast:
    """Train a tokenizer of at most `size` tokens on `texts` and on common robot words.

    `tags` (camera tags) become tokens of their own.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL, *tags],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = COMMON.split()
    corpus = [*texts, *words, *(f" {word}" for word in words)]
    tokenizer.train_from_iterator(corpus * 3, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in (*SPECIAL, *tags)])
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in PHRASES])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, model_max_length=2048
    )


def vocabulary(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    """The numbers a backbone config needs. Raises `ValueError` when a special token is missing."""
    named = {
        "pad": PAD,
        "end": END,
        "image": IMAGE,
        "video": VIDEO,
        "vision_start": VISION_START,
        "vision_end": VISION_END,
    }
    known = tokenizer.get_vocab()
    missing = [token for token in named.values() if token not in known]
    if missing:
        raise ValueError(f"The tokenizer lacks {missing}; it is not one of the Qwen family.")
    return {"size": len(tokenizer)} | {name: known[token] for name, token in named.items()}
