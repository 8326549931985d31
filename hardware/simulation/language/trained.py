"""How people say each kind of task: the sentences of training. Nothing here is held out.

Gaps are filled by `meaning`: things ("the red cube"), `<arm>` ("left hand"), colours ("red"),
`<kinds>` ("cubes"). The first template of a form is its canonical wording.
"""

SENTENCES: dict[str, tuple[str, ...]] = {
    "pick": (
        "(pick up|lift|grab|take|raise|lift up) <thing> with the <arm>",
        "use the <arm> to (pick up|lift|grab|take|raise|lift up) <thing>",
        "with the <arm>(,|) (pick up|lift|grab|take|raise|lift up) <thing>",
        "<arm>: (pick up|lift|grab|take|raise|lift up) <thing>",
        "with the <arm>, (grab|grasp|take) <thing> and (lift|raise) it",
        "(grab|grasp|take) <thing> with the <arm> and (lift|raise) it",
        "(lift|raise) <thing> off the table with the <arm>",
        "<arm>: (lift|raise) <thing> off the table",
        "the <arm> (picks up|lifts|grabs|takes|raises) <thing>",
        "<thing> is to be (picked up|lifted|taken|raised) by the <arm>",
        "have <thing> (lifted|raised|picked up) by the <arm>",
        "have the <arm> (lift|take|raise|grab) <thing>",
        "<thing>: (lift|take|raise) it with the <arm>",
        "bring <thing> up with the <arm>",
    ),
    "hand_over": (
        "(pass|hand|transfer|move) <thing> from the <other> to the <arm>",
        "(pass|hand|transfer|hand over) <thing> to the <arm>",
        "(pick up|take|grab|lift) <thing> with the <other> and (give|pass|hand) it to the <arm>",
        "with the <other>, (pick up|take|grab) <thing> and (give|pass|hand) it to the <arm>",
        "use the <other> to (pass|hand|give) <thing> to the <arm>",
        "<other>: (pass|hand|give) <thing> to the <arm>",
        "the <other> (passes|hands|gives) <thing> to the <arm>",
        "the <arm> takes <thing> from the <other>",
        "<thing> is to be (passed|handed) to the <arm>",
        "<thing> is to be (passed|handed) from the <other> to the <arm>",
        "have <thing> (passed|handed) to the <arm>",
        "have the <other> (pass|give) <thing> to the <arm>",
        "<thing>: from the <other> to the <arm>",
    ),
    "push": (
        "(push|slide|shove) <thing> to the <side>",
        "(push|slide|shove) <thing> (over|across the table) to the <side>",
        "(push|slide|shove) <thing> towards the <side> (side|edge|end) of the table",
        "(push|slide|shove) <thing> (further|more) to the <side>",
        "move <thing> to the <side> by (pushing|sliding) it",
        "to the <side>, (push|slide|shove) <thing>",
        "<side>: (push|slide) <thing> that way",
        "<thing> is to be (pushed|slid|shoved) to the <side>",
        "have <thing> (pushed|slid|shoved) to the <side>",
        "<thing>: (push|slide) it to the <side>",
        "give <thing> a push to the <side>",
        "bring <thing> further to the <side>",
    ),
    "pull": (
        "(pull|slide|drag) <thing> (towards me|to me|closer to me|nearer to me)",
        "(pull|slide|drag) <thing> to the front( of the table|)",
        "(pull|slide|drag) <thing> towards the front (edge|end|side) of the table",
        "(pull|slide|drag) <thing> closer",
        "move <thing> (towards me|closer to me) by (pulling|sliding) it",
        "towards me, (pull|slide|drag) <thing>",
    ),
    "push_away": (
        "(push|slide|shove) <thing> (away from me|further away|away)",
        "(push|slide|shove) <thing> to the back( of the table|)",
        "(push|slide|shove) <thing> towards the back (edge|end|side) of the table",
        "(push|slide|shove) <thing> further from me",
        "move <thing> (away from me|further away) by (pushing|sliding) it",
        "away from me, (push|slide|shove) <thing>",
    ),
    "stack_2": (
        "(stack|put|place|set) <top> (on|onto|on top of) <bottom>",
        "(pick up|take|lift) <top> and (stack|put|place|set) it (on|on top of) <bottom>",
        "(make|build) a (stack|tower|pile) of <bottom> and <top>, with <top> on top",
        "(stack|put|place) the <top_colour> <kind> (on|on top of) the <bottom_colour> one",
        "(make|build) a (stack|tower) with <bottom> at the bottom and <top> on top",
        "<top> is to be (stacked|put|placed) on <bottom>",
        "have <top> (stacked|put|placed) (on|on top of) <bottom>",
        "<top>: (put|place) it on <bottom>",
    ),
    "stack_3": (
        "(stack|put|place) <middle> on <bottom>(,| and) then <top> on <middle>",
        "(stack|put|place) <middle> (on|on top of) <bottom> and <top> (on|on top of) <middle>",
        "(make|build) a (stack|tower) of <bottom>, <middle> and <top>, from bottom to top",
        "(stack|pile up|put), from bottom to top, <bottom>, <middle> and <top>",
        "stack the <kinds> from bottom to top: <bottom_colour>, <middle_colour>, <top_colour>",
        "(make|build) a (stack|tower|pile) of <kinds>: "
        "<bottom_colour> at the bottom, then <middle_colour>, then <top_colour>",
        "(stack|pile up) the <kinds>, <bottom_colour> at the bottom, <middle_colour> in the middle"
        "(,| and) <top_colour> on top",
        "first (put|stack|place) <middle> on <bottom>, then <top> on <middle>",
        "have <middle> (stacked|placed|put) on <bottom> and <top> on <middle>",
        "(put|place|set) <middle> on <bottom> and then <top> on top",
        "<middle> is to be put on <bottom>, and <top> on <middle>",
        "<middle> on <bottom>, then <top> on <middle>",
    ),
    "swap": (
        "(swap|exchange|switch) <first> (and|with) <second>",
        "(swap|exchange|switch) the (places|positions) of <first> and <second>",
        "make <first> and <second> (swap|exchange|switch) (places|positions)",
        "(put|move|set) <first> where <second> is and <second> where <first> is",
        "have <first> and <second> (swap|exchange|switch) (places|positions)",
        "<first> and <second> are to (swap|exchange|switch) places",
        "<first> is to be where <second> is, and <second> where <first> is",
    ),
    "line_up": (
        "(line up|arrange|put in a row) <one>, <two> and <three> from left to right",
        "(line up|arrange|put in a row), from left to right, <one>, <two> and <three>",
        "from left to right, (line up|arrange|put in a row) <one>, <two> and <three>",
        "(make|form|build) a (row|line) of <one>, <two> and <three> from left to right",
        "line up the <kinds>, from left to right: <one_colour>, <two_colour>, <three_colour>",
        "(make|form) a (row|line) of <kinds> from left to right: "
        "<one_colour>, <two_colour>(,| and) <three_colour>",
        "(make|form) a (row|line): <one> on the left, <two> in the middle and <three> on the right",
        "have <one>, <two> and <three> (lined up|arranged) from left to right",
        "<one>, <two> and <three> are to be in a (row|line) from left to right",
        "(line up|arrange), from left to right, first <one>, then <two>, then <three>",
    ),
    "put": (
        "(put|place|drop|set|lay) <thing> <into> <container>",
        "(pick up|take|grab) <thing> and (put|place|drop|set) it <into> <container>",
        "(lift|move) <thing> (over |)<onto> <container>",
        "<thing> is to be (put|placed|dropped|laid) <into> <container>",
        "have <thing> (put|placed|dropped|laid) <into> <container>",
        "<thing>: (put|place|drop) it <into> <container>",
        "bring <thing> <into> <container>",
    ),
    "sort": (
        "(sort|tidy up) (the|all the) (objects|things) by colour",
        "(sort|tidy up) (the|all the) (objects|things) into the containers by colour",
        "(put|place|drop) (each|every) (object|thing) (in|into) the container of (its|the same) "
        "colour",
        "(put|place|drop) the <one_colour> (objects|things) (in|into) <one> and the <two_colour> "
        "(objects|things) (in|into) <two>",
        "(put|place|drop) everything <one_colour> (in|into) <one> and everything <two_colour> "
        "(in|into) <two>",
        "have (the|all the) (objects|things) sorted by colour",
        "(the|all the) (objects|things) are to be sorted by colour",
        "have (each|every) (object|thing) put (in|into) the container of (its|the same) colour",
    ),
    "sort_opposite": (
        "(put|place|drop) (each|every) (object|thing) (in|into) the container of the "
        "(other|opposite) colour",
        "(sort|tidy up) (the|all the) (objects|things) into the containers of the "
        "(other|opposite) colour",
        "(put|place|drop) the <one_colour> (objects|things) (in|into) <two> and the <two_colour> "
        "(objects|things) (in|into) <one>",
        "(put|place|drop) everything <one_colour> (in|into) <two> and everything <two_colour> "
        "(in|into) <one>",
        "have (each|every) (object|thing) put (in|into) the container of the (other|opposite) "
        "colour",
        "(each|every) (object|thing) is to be put (in|into) the container of the "
        "(other|opposite) colour",
    ),
    "store": (
        "open <drawer> and (put|place|drop|lay) <thing> (in|into|inside) it",
        "(pull|slide) <drawer> open and (put|place|drop) <thing> (in|into|inside) it",
        "open <drawer>, (pick up|take|grab) <thing> and (put|place|drop) it (in|inside)",
        "(put|place|drop|store) <thing> (in|into|inside) <drawer>",
        "(take|pick up) <thing> and (put|place|store) it (in|inside) <drawer>",
        "put <thing> away in <drawer>",
        "<thing> is to be (put|placed|stored) (in|inside) <drawer>",
        "have <thing> (put|placed|stored) (in|inside) <drawer>",
        "<thing>: (put|place|store) it (in|inside) <drawer>",
    ),
    "insert": (
        "(insert|put|push|stick|plug) <peg> into <socket>",
        "(put|stick|plug) <peg> in <socket>",
        "(pick up|take|grab|lift) <peg> and (insert|put|push|stick|plug) it into <socket>",
        "(pick up|take) <peg> and (put|stick|plug) it in <socket>",
        "<peg> is to be (inserted|put|pushed|plugged) into <socket>",
        "have <peg> (inserted|put|pushed|plugged) into <socket>",
        "<peg>: (insert|put|plug) it into <socket>",
        "bring <peg> into <socket>",
    ),
}

COURTESIES = (
    "please {}",
    "{} please",
    "{}, please",
    "{} now",
    "now {}",
    "could you {}",
    "can you {}",
    "could you please {}",
    "go ahead and {}",
    "robot, {}",
)
"""What people say around a sentence. Those that follow it suit every sentence."""

NOUNS: dict[str, tuple[str, str]] = {
    "cube": ("cube", "block"),
    "cylinder": ("cylinder", "can"),
    "ball": ("ball", "sphere"),
    "peg": ("peg", "pin"),
    "bowl": ("bowl", "dish"),
    "tray": ("tray", "plate"),
    "socket": ("socket", "hole"),
    "drawer": ("drawer", "drawer"),
    "prism": ("prism", "prism"),
    "brick": ("brick", "brick"),
    "rod": ("rod", "rod"),
}
"""Two words for each shape. A sentence keeps to the first of each or to the second."""

HANDS = ("arm", "hand", "gripper")
