"""How people also say each kind of task: the sentences of evaluation, never trained on.

Verbs, nouns and orders of naming that `trained` has none of: row and stack are named from the
other end, the container comes first, a wish stands for a command.
"""

SENTENCES: dict[str, tuple[str, ...]] = {
    "pick": (
        "(hoist|fetch|collect|pluck|elevate) <thing> with the <arm>",
        "let the <arm> (hoist|fetch|get hold of) <thing>",
        "i want <thing> up in the air, held by the <arm>",
        "the <arm> should (hoist|get hold of) <thing>",
        "<thing> should be hoisted by the <arm>",
        "<thing> is for the <arm>: up with it",
        "get <thing> into the air using the <arm>",
    ),
    "hand_over": (
        "(deliver|relay) <thing> to the <arm>",
        "(deliver|relay) <thing> to the <arm> from the <other>",
        "the <arm> should end up holding <thing>, received from the <other>",
        "let the <arm> (receive|accept) <thing> from the <other>",
        "the <other> fetches <thing>, the <arm> receives it",
        "have the <other> offer <thing> to the <arm>",
        "<thing> goes from the <other> over to the <arm>",
        "<thing> belongs in the <arm>: let the <other> deliver it",
        "get <thing> across into the <arm>",
    ),
    "push": (
        "(shift|nudge|sweep|drive|scoot) <thing> to the <side>",
        "<thing> should (travel|end up further) <side>",
        "i want <thing> further to the <side>",
        "get <thing> over to the <side>, keeping it on the table",
        "(nudge|scoot) <thing> <side> along the table",
        "make <thing> travel to the <side>",
        "<thing> goes <side>: give it a nudge",
    ),
    "pull": (
        "(draw|haul|tug) <thing> (this way|in my direction)",
        "<thing> should (come|travel) (this way|in my direction)",
        "i want <thing> (close to me|within my reach)",
        "let <thing> (come|travel) (this way|in my direction)",
        "(this way|in my direction): (draw|haul) <thing>",
    ),
    "push_away": (
        "(nudge|scoot|drive|sweep) <thing> (away from here|out of my reach)",
        "<thing> should (go|travel) (away from here|out of my reach)",
        "i want <thing> (far from me|out of my reach)",
        "let <thing> (go|travel) (away from here|out of my reach)",
        "(out of my reach|away from here): (nudge|scoot) <thing>",
    ),
    "stack_2": (
        "(rest|balance|position) <top> (atop|over) <bottom>",
        "<bottom> (carries|supports) <top>",
        "<top> (belongs|goes) on <bottom>",
        "(atop|on) <bottom>, (rest|position) <top>",
        "from top to bottom: <top>, <bottom>",
        "<bottom> should (carry|support) <top>",
        "use <bottom> as the base for <top>",
    ),
    "stack_3": (
        "from top to bottom, (erect|assemble) <top>, <middle> and <bottom>",
        "(erect|assemble) a column of <top> over <middle> over <bottom>",
        "<bottom> carries <middle>, and <middle> carries <top>",
        "<top> goes on <middle>, which goes on <bottom>",
        "stack the <kinds> from top to bottom: <top_colour>, <middle_colour>, <bottom_colour>",
        "a column please: <top_colour> above <middle_colour> above <bottom_colour>",
        "(erect|assemble) a column, <top_colour> above <middle_colour> above <bottom_colour>",
        "<bottom> is the base, <middle> rests on it and <top> crowns the column",
        "rest <middle> atop <bottom>, and <top> atop that",
    ),
    "swap": (
        "(interchange|trade|transpose) <first> and <second>",
        "let <first> and <second> (trade|change) places",
        "<first> and <second> should (trade|change) places",
        "<first> goes where <second> was, and the reverse",
        "i want <first> and <second> the other way round",
        "have <first> and <second> take each other's spot",
    ),
    "line_up": (
        "from right to left: <three>, <two>, <one>",
        "(align|queue up|lay out) <three>, <two> and <one> from right to left",
        "(align|queue up|lay out) <one>, <two> and <three>, leftmost first",
        "<two> stands between <one> to its left and <three> to its right",
        "the <kinds> should stand <three_colour>, <two_colour>, <one_colour> from right to left",
        "i want a queue: <one>, beside it <two>, and furthest right <three>",
    ),
    "put": (
        "(deposit|stow|tuck) <thing> <into> <container>",
        "transport <thing> <onto> <container>",
        "<into> <container>, (deposit|stow) <thing>",
        "<thing> (belongs|goes) <into> <container>",
        "<container> should (hold|receive) <thing>",
        "let <container> (hold|receive) <thing>",
        "i want to see <thing> <into> <container>",
        "fill <container> with <thing>",
    ),
    "sort": (
        "(separate|organize|group) (the items|everything) by hue",
        "every item (belongs|goes) with the container that matches it",
        "match (the items|everything) to the containers",
        "<one> should hold all <one_colour> items and <two> all <two_colour> items",
        "all <one_colour> items belong with <one>, all <two_colour> items with <two>",
        "<one_colour> items go to <one>, <two_colour> items to <two>",
    ),
    "sort_opposite": (
        "every item (belongs|goes) with the container that does not match it",
        "(separate|organize|group) (the items|everything) the wrong way round",
        "mismatch (the items|everything) and the containers",
        "<two> should hold all <one_colour> items and <one> all <two_colour> items",
        "all <one_colour> items belong with <two>, all <two_colour> items with <one>",
        "<one_colour> items go to <two>, <two_colour> items to <one>",
    ),
    "store": (
        "(stow|deposit|stash|tuck|hide) <thing> (in|inside) <drawer>",
        "<thing> (belongs|goes) inside <drawer>",
        "<drawer> should (hold|receive) <thing>",
        "i want <thing> to be inside <drawer>",
        "get <drawer> out and (stash|deposit) <thing> there",
        "inside <drawer>, (stow|deposit) <thing>",
        "draw <drawer> out, then let <thing> fall inside",
    ),
    "insert": (
        "(fit|slot|slip|mount) <peg> into <socket>",
        "<peg> (belongs|goes) into <socket>",
        "<socket> should (hold|receive) <peg>",
        "fill <socket> with <peg>",
        "into <socket>, (fit|slot) <peg>",
        "join <peg> to <socket>",
        "let <socket> receive <peg>",
    ),
}

COURTESIES = (
    "kindly {}",
    "would you {}",
    "i need you to {}",
    "your next job is to {}",
    "{}, thank you",
    "{}, thanks",
)

NOUNS: dict[str, str] = {
    "cube": "box",
    "cylinder": "tin",
    "ball": "orb",
    "peg": "dowel",
    "bowl": "basin",
    "tray": "platter",
    "socket": "opening",
    "drawer": "compartment",
    "prism": "prism",
    "brick": "brick",
    "rod": "rod",
}
"""The second noun of each shape. Shapes that only evaluation sees have no other."""

HANDS = ("manipulator", "claw")
