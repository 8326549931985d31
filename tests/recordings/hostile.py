"""Ways to damage a dataset: torn, swapped and hostile files, each drawn from a generator."""

import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

VALUES = [
    *(None, True, -1, 0, 2**53, 10**30, 1e308, float("nan"), float("inf"), "", "x", "x" * 5000),
    *("../../../etc/passwd", "/etc/passwd", "{chunk_index:999999999d}", "{video_key.__class__}"),
    *([], {}, [[]], {"a": {"b": []}}, [None], [-1], [2**40, 2**40, 3], "\0", "\ud83d", "v3.0"),
]
"""What takes the place of a value in JSON."""


def files(folder, *suffixes):
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and (path.suffix in suffixes or not suffixes)
    )


def pick(rng, things):
    return things[int(rng.integers(len(things)))]


def any_file(folder, rng):
    suffix = pick(rng, [".mp4", ".parquet", ".json", ".jsonl", ".parquet", ".mp4"])
    return pick(rng, files(folder, suffix) or files(folder))


def flip_bits(folder, rng):
    path = any_file(folder, rng)
    content = bytearray(path.read_bytes())
    for _ in range(int(rng.integers(1, 30)) if content else 0):
        content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)
    return path


def flip_bits_at_an_end(folder, rng):
    """Where headers, footers and indices are."""
    path = any_file(folder, rng)
    content = bytearray(path.read_bytes())
    reach = min(len(content), 400)
    for _ in range(int(rng.integers(1, 12)) if content else 0):
        place = int(rng.integers(reach))
        content[place if rng.random() < 0.5 else -place - 1] = int(rng.integers(256))
    path.write_bytes(content)
    return path


def truncate(folder, rng):
    path = any_file(folder, rng)
    os.truncate(path, int(rng.integers(path.stat().st_size + 1)))
    return path


def blank_a_part(folder, rng):
    path = any_file(folder, rng)
    content = bytearray(path.read_bytes())
    begin = int(rng.integers(len(content) + 1))
    size = min(len(content) - begin, int(rng.integers(1, 5000)))
    content[begin : begin + size] = bytes(size) if rng.random() < 0.5 else rng.bytes(size)
    path.write_bytes(content)
    return path


def append_garbage(folder, rng):
    path = any_file(folder, rng)
    with path.open("ab") as file:
        file.write(rng.bytes(int(rng.integers(1, 500))))
    return path


def swap_films(folder, rng):
    return swap(*(pick(rng, files(folder, ".mp4")) for _ in range(2)))


def swap_tables(folder, rng):
    return swap(*(pick(rng, files(folder, ".parquet")) for _ in range(2)))


def swap_anything(folder, rng):
    return swap(any_file(folder, rng), any_file(folder, rng))


def swap(one, other):
    content = one.read_bytes(), other.read_bytes()
    one.write_bytes(content[1])
    other.write_bytes(content[0])
    return one


def delete(folder, rng):
    path = any_file(folder, rng)
    path.unlink()
    return path


def make_a_folder_of_it(folder, rng):
    path = any_file(folder, rng)
    path.unlink()
    path.mkdir()
    return path


def link_to_itself(folder, rng):
    path = any_file(folder, rng)
    path.unlink()
    path.symlink_to(path.name)
    return path


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def change_value(content, rng):
    *before, last = pick(rng, [each for each in places(content) if each] or [("new",)])
    inside = content
    for key in before:
        inside = inside[key]
    if rng.random() < 0.2 and isinstance(inside, dict):
        inside.pop(last, None)
    elif rng.random() < 0.2 and isinstance(inside, dict):
        inside[str(pick(rng, VALUES[9:16]))] = inside.pop(last, None)
    else:
        inside[last] = pick(rng, VALUES)
    return content


def change_json(folder, rng):
    path = pick(rng, files(folder, ".json"))
    content = path.read_text(errors="replace")
    try:
        path.write_text(json.dumps(change_value(json.loads(content), rng)))
    except (ValueError, TypeError, IndexError):
        path.write_text("[" * 100_000)
    return path


def change_info(folder, rng):
    path = folder / "meta/info.json"
    if path.is_file():
        path.write_text(json.dumps(change_value(json.loads(path.read_bytes()), rng)))
    return path


def change_lines(folder, rng):
    path = pick(rng, files(folder, ".jsonl") or files(folder, ".json"))
    lines = path.read_text(errors="replace").splitlines() or ["{}"]
    number = int(rng.integers(len(lines)))
    try:
        lines[number] = json.dumps(change_value(json.loads(lines[number]), rng))
    except (ValueError, TypeError, IndexError):
        lines[number] = str(pick(rng, VALUES))
    path.write_text("\n".join(lines) + "\n", errors="replace")
    return path


def change_column(column, rng):
    """Return another column of as many rows, of the same kind or of another."""
    rows = len(column)
    numbers = np.arange(rows)
    kinds = [
        lambda: pa.array([pick(rng, [-1, 2**62, 7, 10**6]) for _ in numbers]),
        lambda: pa.array([None] * rows, column.type),
        lambda: pa.array(["x"] * rows),
        lambda: pa.array([float(pick(rng, [np.nan, np.inf, -1e300, 3.7])) for _ in numbers]),
        lambda: pa.array([[1] * (n % 3) for n in numbers]),
        lambda: pa.array([None if n % 2 else v for n, v in enumerate(column.to_pylist())]),
        lambda: column.take(pa.array(rng.permutation(rows))),
        lambda: pa.array([bool(n % 2) for n in numbers]),
        lambda: pa.array([{"a": int(n)} for n in numbers]),
        lambda: pa.array([b"\xff\xfe"] * rows),
    ]
    return pick(rng, kinds)()


def change_table(folder, rng):
    path = pick(rng, files(folder, ".parquet"))
    with pq.ParquetFile(path) as file:
        table = file.read()
    if not table.num_columns:
        return path
    where = int(rng.integers(table.num_columns))
    name, kind = table.column_names[where], int(rng.integers(6))
    if kind == 0:
        table = table.drop_columns([name])
    elif kind == 1:
        kept = rng.permutation(table.num_rows)[: int(rng.integers(table.num_rows + 1))]
        table = table.take(pa.array(kept, pa.int64()))
    elif kind == 2:
        table = pa.concat_tables([table] * int(rng.integers(2, 4)))
    elif kind == 3:
        table = table.append_column(name, table[name])
    else:
        table = table.set_column(where, name, change_column(table[name].combine_chunks(), rng))
    pq.write_table(table, path)
    return path


DAMAGES = [
    *(flip_bits, flip_bits_at_an_end, truncate, blank_a_part, append_garbage),
    *(swap_films, swap_tables, swap_anything, delete, make_a_folder_of_it, link_to_itself),
    *(change_json, change_info, change_info, change_lines, change_table, change_table),
]


def damage(folder, rng):
    """Damage the dataset at `folder` one to three times; return what was done, in words."""
    done = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        way = pick(rng, DAMAGES)
        try:
            path = way(folder, rng)
        except (OSError, ValueError, KeyError, IndexError, TypeError, pa.ArrowException):
            continue  # what was damaged before cannot be damaged so
        done.append(f"{way.__name__} {path.relative_to(folder)}")
    return ", ".join(done)
